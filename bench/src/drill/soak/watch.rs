//! Watches over revoked tokens: each is presented everywhere, before its revocation and for some seconds after it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{GetPostRequest, get_post_request};
use gatepost::{Token, WithToken};
use tokio::time::{Instant, sleep_until, timeout};
use tonic::transport::Channel;

use super::report::Promises;
use crate::drill::revocation::{
    CheckPlace, CheckResult, GuardedOutcome, HistoryEntries, HistoryFile, ObservedCall, ObservedRevocation, broken,
    refusal_or_loss, verdict,
};

/// Times of the checks after the answer to a revocation, in milliseconds.
const CHECK_TIMES_MS: [u64; 8] = [0, 40, 400, 1_200, 2_010, 2_400, 4_000, 8_000];

/// Longer than any call takes.
const CHECK_TIMEOUT: Duration = Duration::from_secs(6);

/// Places that check tokens.
pub(super) struct TokenPlaces {
    pub(super) blog: Channel,
    /// Id of a post to read.
    pub(super) post: String,
    pub(super) auth: Vec<Channel>,
    /// Number of the present guard.
    pub(super) guards: Arc<AtomicUsize>,
}

/// All watches, and the sums of their results.
pub(super) struct RevocationWatch {
    pub(super) origin: Instant,
    places: TokenPlaces,
    next: AtomicUsize,
    sums: Mutex<WatchSums>,
    promises: Arc<Promises>,
}

#[derive(Default)]
struct WatchSums {
    result: CheckResult,
    file: Option<HistoryFile>,
    failure: Option<String>,
}

/// A token that is watched.
pub(super) struct WatchedToken {
    session: usize,
    token: Token,
    entries: HistoryEntries,
}

impl RevocationWatch {
    pub(super) fn new(
        origin: Instant,
        places: TokenPlaces,
        file: Option<HistoryFile>,
        promises: Arc<Promises>,
    ) -> Self {
        let sums = Mutex::new(WatchSums { file, ..WatchSums::default() });
        Self { origin, places, next: AtomicUsize::new(0), sums, promises }
    }

    /// Returns the id of the post that the tokens read.
    pub(super) fn post(&self) -> &str {
        &self.places.post
    }

    /// Starts a watch: presents the token everywhere.
    pub(super) async fn begin(&self, token: Token) -> WatchedToken {
        let session = self.next.fetch_add(1, Ordering::Relaxed);
        let mut watched = WatchedToken { session, token, entries: HistoryEntries::default() };
        self.check_everywhere(&mut watched).await;
        watched
    }

    /// Adds the answer to a revocation, and presents the token for some seconds.
    pub(super) async fn follow(
        &self,
        mut watched: WatchedToken,
        replica: usize,
        begun: Duration,
        is_acknowledged: bool,
    ) {
        let (answered, at) = (Instant::now(), self.origin.elapsed());
        let acknowledged = is_acknowledged.then_some(at);
        let revocation = ObservedRevocation { session: watched.session, replica, begun, acknowledged };
        watched.entries.revocations.push(revocation);
        for time in CHECK_TIMES_MS {
            sleep_until(answered + Duration::from_millis(time)).await;
            self.check_everywhere(&mut watched).await;
        }
        // A guard is known by the number of its start, so no number of guards is given.
        let result = watched.entries.check(0);
        self.promises.add(broken(&result));
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = sums.file.as_mut().map(|file| file.add(&watched.entries)) {
            sums.failure = Some(error.to_string());
        }
        // The broken promises are kept above.
        let result = CheckResult { violations: Vec::new(), disorder: Vec::new(), odd: Vec::new(), ..result };
        sums.result.add(result);
    }

    /// Returns the sums of all watches that have ended.
    pub(super) fn sums(&self) -> CheckResult {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).result.clone()
    }

    /// Returns the first failure to write the file.
    pub(super) fn failure(&self) -> Option<String> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).failure.clone()
    }

    async fn check_everywhere(&self, watched: &mut WatchedToken) {
        let guard = self.check(watched.session, Checked::Guard, &watched.token);
        let replicas = (0..self.places.auth.len())
            .map(|replica| self.check(watched.session, Checked::Replica(replica), &watched.token));
        let (guard, replicas) = tokio::join!(guard, futures_util::future::join_all(replicas));
        watched.entries.calls.push(guard);
        watched.entries.calls.extend(replicas);
    }

    async fn check(&self, session: usize, checked: Checked, token: &Token) -> ObservedCall {
        let (begun, first) = (self.origin.elapsed(), self.places.guards.load(Ordering::Relaxed));
        let answer = async {
            match checked {
                Checked::Guard => self.ask_guard(token).await,
                Checked::Replica(replica) => verdict(&self.places.auth[replica], token).await,
            }
        };
        let mut outcome = timeout(CHECK_TIMEOUT, answer).await.unwrap_or(GuardedOutcome::Unavailable);
        let place = match checked {
            Checked::Replica(replica) => CheckPlace::Replica(replica),
            Checked::Guard => CheckPlace::Guard(first),
        };
        // The guard was started again during the call, so either process may have answered.
        if checked == Checked::Guard && self.places.guards.load(Ordering::Relaxed) != first {
            outcome = GuardedOutcome::Unavailable;
        }
        ObservedCall { session, place, begun, ended: self.origin.elapsed(), outcome }
    }

    async fn ask_guard(&self, token: &Token) -> GuardedOutcome {
        let mut posts = PostServiceClient::with_interceptor(self.places.blog.clone(), WithToken::new(token));
        let request = GetPostRequest { post: Some(get_post_request::Post::Id(self.places.post.clone())), view: 0 };
        posts.get_post(request).await.map_or_else(|status| refusal_or_loss(&status), |_| GuardedOutcome::Admitted)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checked {
    Guard,
    Replica(usize),
}
