//! The calls of a soak: an open loop with a mix of calls at a constant rate.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::TokenPair;
use gatepost::{Token, WithToken};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::call::{CallGroup, SoakCall};
use super::posts::PostBook;
use super::report::Promises;
use super::sessions::SoakSessions;
use super::tally::{EndedCall, Tally};
use super::watch::RevocationWatch;
use super::windows::FaultWindows;
use crate::drill::{Answer, Random};

/// Number of open calls from which arrivals are not sent.
const MAX_OPEN_CALLS: usize = 1_000;

/// Deadline of calls that hash a password, and of other calls.
const HASH_DEADLINE: Duration = Duration::from_secs(5);
const CALL_DEADLINE: Duration = Duration::from_secs(3);

/// Connections of the callers.
pub(super) struct SoakChannels {
    pub(super) auth: Vec<Vec<Channel>>,
    pub(super) blog: Vec<Channel>,
}

/// All that the calls share.
pub(super) struct SoakLoad {
    pub(super) origin: Instant,
    pub(super) channels: SoakChannels,
    pub(super) sessions: SoakSessions,
    pub(super) admin: Token,
    pub(super) api_key: Token,
    pub(super) book: Mutex<PostBook>,
    pub(super) tally: Mutex<Tally>,
    pub(super) windows: FaultWindows,
    pub(super) watch: Arc<RevocationWatch>,
    /// Watches of revoked tokens that have not ended.
    pub(super) watching: Mutex<JoinSet<()>>,
    pub(super) promises: Arc<Promises>,
    pub(super) random: Mutex<Random>,
}

/// A process that is called, by its number in the tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Blog,
    /// A replica of the auth service.
    Auth(usize),
}

pub(super) type SoakPosts = PostServiceClient<InterceptedService<Channel, WithToken>>;

impl SoakLoad {
    /// Calls at this rate until the time or the stop. Returns when all calls have ended. Watches of revoked tokens
    /// continue.
    pub(super) async fn run(self: Arc<Self>, rate: u32, length: Duration, stop: watch::Receiver<bool>) {
        let deck = SoakCall::deck(&mut self.random());
        let (mut ticks, mut open) = (interval(Duration::from_secs(1) / rate.max(1)), JoinSet::new());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for call in deck.iter().cycle() {
            ticks.tick().await;
            while open.try_join_next().is_some() {}
            if self.origin.elapsed() >= length || *stop.borrow() {
                break;
            }
            if open.len() >= MAX_OPEN_CALLS {
                self.tally().shed += 1;
                continue;
            }
            let (load, call) = (Arc::clone(&self), *call);
            open.spawn(async move { load.make(call).await });
        }
        open.join_all().await;
    }

    /// Waits for the end of all watches.
    pub(super) async fn end_watches(&self) {
        let watching = std::mem::take(&mut *self.watching.lock().unwrap_or_else(PoisonError::into_inner));
        watching.join_all().await;
    }

    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(super) fn random(&self) -> MutexGuard<'_, Random> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn book(&self) -> MutexGuard<'_, PostBook> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a replica of the auth service, and a connection to it.
    pub(super) fn auth(&self) -> (Target, Channel) {
        let number = self.random().number();
        let replica = pick(&self.channels.auth, number);
        (Target::Auth(replica), self.auth_at(replica))
    }

    /// Returns a connection to this replica.
    pub(super) fn auth_at(&self, replica: usize) -> Channel {
        let (channels, number) = (&self.channels.auth[replica], self.random().number());
        channels[pick(channels, number)].clone()
    }

    pub(super) fn blog(&self) -> Channel {
        let number = self.random().number();
        self.channels.blog[pick(&self.channels.blog, number)].clone()
    }

    pub(super) fn posts(&self, token: &Token) -> SoakPosts {
        PostServiceClient::with_interceptor(self.blog(), WithToken::new(token))
    }

    /// Makes a call with its deadline, and counts it.
    pub(super) async fn timed<Q, A, F>(
        &self,
        call: SoakCall,
        target: Target,
        request: Q,
        make: impl FnOnce(Request<Q>) -> F,
    ) -> Result<A, Answer>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut request = Request::new(request);
        request.set_timeout(deadline(call));
        let begun = self.now();
        let answered = make(request).await;
        let answer = answered.as_ref().map_or_else(Answer::of, |_| Answer::success());
        self.count(call, target, begun, &answer);
        answered.map(Response::into_inner).map_err(|_| answer)
    }

    /// Counts a call that has just ended.
    pub(super) fn count(&self, call: SoakCall, target: Target, begun: Duration, answer: &Answer) {
        let target = match target {
            Target::Blog => 0,
            Target::Auth(replica) => replica + 1,
        };
        let ended = EndedCall { call, target, begun, ended: self.now(), answer };
        if let Err(error) = self.tally().record(&ended, &self.windows) {
            self.promises.fail(&error);
        }
        let is_refused = answer.code == tonic::Code::Unauthenticated;
        // A refused refresh is another promise.
        if is_refused && call != SoakCall::Refresh {
            self.promises.miss("a good token is not refused", format!("{call:?}: {answer}"));
        }
    }

    /// Returns the access token of an answer.
    pub(super) fn access_token(&self, tokens: Option<&TokenPair>) -> Option<Token> {
        let token = tokens.and_then(|tokens| Token::parse(&tokens.access_token).ok());
        if token.is_none() {
            self.promises.miss("a login has tokens", "an answer without a token");
        }
        token
    }
}

/// Returns the number of an entry for a random number.
fn pick<T>(entries: &[T], random: u64) -> usize {
    let count = u64::try_from(entries.len()).unwrap_or(u64::MAX).max(1);
    usize::try_from(random % count).unwrap_or_default()
}

fn deadline(call: SoakCall) -> Duration {
    let hashes = matches!(call, SoakCall::Login | SoakCall::SignUp);
    if hashes || call.group() == CallGroup::AuthWrites { HASH_DEADLINE } else { CALL_DEADLINE }
}
