//! Clients that repeatedly use one token in one place, without waiting for earlier answers.

use std::error::Error as _;
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{GetPostRequest, get_post_request};
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::{TokenState, VerifyTokenRequest};
use gatepost::{Token, WithToken};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::{CheckPlace, GuardedOutcome, ObservedCall, RevocableSession, RevocationHistory};

/// Number of tokens whose callers share a connection: a server takes 100 calls at once on a connection.
pub(super) const TOKENS_PER_CONNECTION: usize = 4;

/// The largest number of open calls of one caller, and the number from which the caller slows down.
const MAX_OPEN_CALLS: usize = 24;
const SLOW_DOWN_CALLS: usize = 6;

/// Pauses of a caller after the acknowledgement: the first pause, and the pause until the guard refuses. The last pause
/// applies after the refusal, and while many calls are open.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const UNREFUSED_PAUSE: Duration = Duration::from_millis(40);
const SLOW_PAUSE: Duration = Duration::from_millis(200);

/// Longer than any call takes.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// State of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The token is good.
    Good,
    /// The revocation of the token has been acknowledged.
    Revoked,
    /// Each caller makes one last call.
    Over,
}

/// The process that checks the token.
#[derive(Clone)]
pub(in crate::drill) enum Checker {
    /// A guarded service. The caller reads this post.
    Guard { blog: Channel, post: String },
    /// A replica of the auth service.
    Replica(Channel),
}

/// A caller with one token in one place.
#[derive(Clone)]
pub struct TokenCaller {
    /// The history of its calls.
    pub history: RevocationHistory,
    pub(in crate::drill) session: usize,
    pub(in crate::drill) place: CheckPlace,
    pub(in crate::drill) token: Token,
    pub(in crate::drill) checker: Checker,
}

impl TokenCaller {
    /// Returns a caller with another token over the same connection.
    #[must_use]
    pub fn of(&self, number: usize, session: &RevocableSession, history: &RevocationHistory) -> Self {
        Self { session: number, token: session.token.clone(), history: history.clone(), ..self.clone() }
    }

    /// Returns this caller with another history.
    #[must_use]
    pub fn over(&self, history: &RevocationHistory) -> Self {
        Self { history: history.clone(), ..self.clone() }
    }

    /// Calls with this pause while the token is good, and more often after the token's revocation. Returns when all
    /// calls have ended.
    pub async fn run(self, calm: Duration, mut stage: watch::Receiver<Stage>) {
        let (mut calls, mut base_pause) = (JoinSet::new(), calm);
        let mut was = Stage::Good;
        loop {
            while let Some(ended) = calls.try_join_next() {
                if was == Stage::Revoked && ended.is_ok_and(|outcome| outcome == GuardedOutcome::Refused) {
                    base_pause = SLOW_PAUSE;
                }
            }
            let is = *stage.borrow_and_update();
            if is == Stage::Revoked && was != is {
                base_pause = FIRST_PAUSE;
            }
            was = is;
            // The last call starts in any case.
            if calls.len() < MAX_OPEN_CALLS || is == Stage::Over {
                let one = self.clone();
                calls.spawn(async move { one.call().await });
            }
            if is == Stage::Over {
                break;
            }
            let pause = if calls.len() > SLOW_DOWN_CALLS { base_pause.max(SLOW_PAUSE) } else { base_pause };
            tokio::select! {
                () = sleep(pause) => {}
                _ = stage.changed() => {}
            }
            if is == Stage::Revoked {
                base_pause = (base_pause * 2).min(UNREFUSED_PAUSE.max(base_pause));
            }
        }
        calls.join_all().await;
    }

    /// Makes a call, and adds it to the history.
    pub async fn call(&self) -> GuardedOutcome {
        let begun = self.history.now();
        let answer = timeout(CALL_TIMEOUT, self.checker.check(&self.token)).await;
        let ended = self.history.now();
        let outcome = answer.unwrap_or(GuardedOutcome::Unavailable);
        self.history.record(ObservedCall { session: self.session, place: self.place, begun, ended, outcome });
        outcome
    }
}

impl Checker {
    async fn check(&self, token: &Token) -> GuardedOutcome {
        match self {
            Self::Guard { blog, post } => {
                let mut posts = PostServiceClient::with_interceptor(blog.clone(), WithToken::new(token));
                let request = GetPostRequest { post: Some(get_post_request::Post::Id(post.clone())), view: 0 };
                posts.get_post(request).await.map_or_else(|status| refusal(&status), |_| GuardedOutcome::Admitted)
            }
            Self::Replica(auth) => verdict(auth, token).await,
        }
    }
}

/// Asks a replica about a token.
pub(in crate::drill) async fn verdict(auth: &Channel, token: &Token) -> GuardedOutcome {
    let request = VerifyTokenRequest { token: token.expose().to_owned() };
    match TokenServiceClient::new(auth.clone()).verify_token(request).await {
        Ok(answer) => match answer.into_inner().state() {
            TokenState::Active => GuardedOutcome::Admitted,
            TokenState::Revoked | TokenState::UserDeleted | TokenState::UserDisabled => GuardedOutcome::Refused,
            TokenState::Unspecified | TokenState::Invalid | TokenState::Expired => GuardedOutcome::Odd(Code::Ok),
        },
        Err(status) => refusal_or_loss(&status),
    }
}

/// Returns the outcome of a call that failed, if its process may be killed: a broken connection is no answer.
pub(in crate::drill) fn refusal_or_loss(status: &Status) -> GuardedOutcome {
    // Only the client's own failures have a source.
    if status.source().is_some() { GuardedOutcome::Unavailable } else { refusal(status) }
}

/// Returns the outcome of a call that failed.
fn refusal(status: &Status) -> GuardedOutcome {
    match status.code() {
        Code::Unauthenticated => GuardedOutcome::Refused,
        Code::Unavailable | Code::DeadlineExceeded => GuardedOutcome::Unavailable,
        code => GuardedOutcome::Odd(code),
    }
}
