//! One session's access token, renewed before it expires.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::clock::Clock;
use super::reaction::{is_let_in, reason_of};
use super::session::{Now, Session};
use super::{NoToken, Reaction};
use crate::api::auth::v1::auth_service_client::AuthServiceClient;
use crate::api::auth::v1::{ErrorReason, RefreshTokenRequest, TokenPair};
use crate::guard::{jitter, read_time};
use crate::{Token, Uptime};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The pause before the second attempt, and the longest one; each is up to that much, and at least half of it.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(8)];

/// How long attempts are made in a row. The auth service answers an answer that was lost again for a minute.
const PATIENCE: Duration = Duration::from_secs(50);

/// A session's access token for each call, renewed by `RefreshToken` before it expires.
///
/// ```no_run
/// use gatepost::TokenSource;
/// use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
/// use gatepost::api::auth::v1::user_service_client::UserServiceClient;
/// use gatepost::api::auth::v1::{GetMeRequest, LoginRequest};
/// use tonic::transport::Channel;
///
/// # async fn me(login: LoginRequest) -> Result<(), Box<dyn std::error::Error>> {
/// let auth = Channel::from_static("http://127.0.0.1:50051").connect_lazy();
/// let login = AuthServiceClient::new(auth.clone()).login(login).await?.into_inner();
/// let session = TokenSource::new(auth.clone(), login.tokens.unwrap_or_default());
///
/// // Any client of a guarded service: here the auth service's own.
/// let mut users = UserServiceClient::new(session.around(auth));
/// users.get_me(GetMeRequest::default()).await?;
/// # Ok(())
/// # }
/// ```
///
/// - A token is renewed by the first call that finds less than a fifth of its life left. That call and those after it go
///   on with the old token; only when it has expired, they wait for the next one.
/// - All clones share one renewal, which belongs to none of the callers: whoever leaves takes nothing away from the others.
/// - A refresh token is used once, and its answer may be lost. A renewal that fails is tried again with the same token, in
///   the background and for 50 s: within the minute for which the auth service gives the same answer again. After that
///   the next call tries.
/// - When the auth service says that the session is over, all calls fail with [`NoToken::Ended`] and ask nobody.
/// - A callee that calls the token expired, revoked or invalid is believed: the next call waits for another one. So a role
///   that is taken away, a key that is retired or another secret costs one failed call, and not the session. If that other
///   token is refused in the same way before any call has been let in by it, the session is over. [`Reaction`] has the
///   table of all reasons.
/// - A clock of this machine that is ahead costs renewals, every four seconds at the most; one that is behind costs a
///   failed call for each token.
///
/// Two sources must not share a session: each would use up the other's refresh tokens. It is no wider than the process,
/// for the same reason; and nothing is renewed while nobody calls.
#[derive(Clone)]
pub struct TokenSource(Arc<Shared>);

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource([redacted])")
    }
}

struct Shared {
    auth: AuthServiceClient<Channel>,
    clock: Clock,
    session: watch::Sender<Session>,
}

impl TokenSource {
    /// The session of these tokens, which a login has brought or a registration, renewed at the auth service behind
    /// `auth`. Tokens that are empty make a session that is over with its first call.
    pub fn new(auth: Channel, tokens: TokenPair) -> Self {
        Self::with(auth, tokens, Clock::system())
    }

    /// The same by another clock, which a test can move; `time` is the time of day at this moment.
    pub fn new_by(auth: Channel, tokens: TokenPair, uptime: Uptime, time: SystemTime) -> Self {
        Self::with(auth, tokens, Clock::of(uptime, time))
    }

    fn with(auth: Channel, tokens: TokenPair, clock: Clock) -> Self {
        let (access, life) = (Token::parse(&tokens.access_token).ok(), life(&clock, &tokens));
        let session = Session::new(tokens.refresh_token, access, life, clock.now());
        Self(Arc::new(Shared { auth: AuthServiceClient::new(auth), clock, session: watch::Sender::new(session) }))
    }

    /// A token that lives, for callers that send it themselves. The call that finds the last one expired waits for the
    /// next one, 5 s at the most.
    ///
    /// # Errors
    /// [`NoToken`] says why there is none.
    pub async fn token(&self) -> Result<Token, NoToken> {
        let runtime = Handle::try_current().map_err(|_| NoToken::NoRuntime)?;
        let Shared { session, clock, .. } = &*self.0;
        let mut changes = session.subscribe();
        let (mut has, mut begins, mut before) = (Now::Wait, false, 0);
        session.send_if_modified(|session| {
            before = session.attempts;
            (has, begins) = session.call(clock.now());
            false
        });
        if begins {
            runtime.spawn(renew(UnderWay(Arc::clone(&self.0))));
        }
        match has {
            Now::Use(token) => Ok(token),
            Now::Fail(error) => Err(error),
            Now::Wait => {
                let ended = changes.wait_for(|session| session.attempts > before).await;
                // The sender is this source's own.
                ended.map_err(|_| NoToken::Unavailable)?.waited(clock.now())
            }
        }
    }

    /// The callee has said that this token is dead: the next call waits for another one. Nothing happens when there is
    /// another one already.
    pub fn forget(&self, token: &Token) {
        self.0.session.send_modify(|session| session.forget(token));
    }
}

impl TokenSource {
    /// Takes in how a call with this token has ended, for callers that send the token themselves. The token is renewed, or
    /// the session is over, as the [`Reaction`] to the status's reason has it; an answer is `Status::ok("")`.
    pub fn heard(&self, token: &Token, status: &Status) {
        let session = &self.0.session;
        match reason_of(status) {
            // Those of `RefreshToken` are of a session that the call itself has named.
            Some(ErrorReason::RefreshTokenInvalid | ErrorReason::RefreshTokenReused) => {}
            Some(reason) if matches!(Reaction::to(reason), Reaction::RefreshOnce | Reaction::SessionOver) => {
                session.send_modify(|session| session.refused(token, reason));
            }
            _ if is_let_in(status) && session.borrow().is_on_trial(token) => {
                session.send_modify(|session| session.let_in(token));
            }
            _ => {}
        }
    }
}

/// A renewal's place, given up however its task ends.
struct UnderWay(Arc<Shared>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.session.send_modify(Session::left);
    }
}

/// Asks until there is an answer, or patience is at its end.
async fn renew(place: UnderWay) {
    let Shared { session, clock, .. } = &*place.0;
    let begun = Instant::now();
    let [mut pause, longest] = PAUSES;
    loop {
        match attempt(&place.0).await {
            Ok((tokens, access)) => {
                let life = life(clock, &tokens);
                session.send_modify(|session| session.renewed(tokens.refresh_token, access, life, clock.now()));
                return;
            }
            Err(NoToken::Ended(reason)) => {
                tracing::info!(?reason, "the session is over");
                session.send_modify(|session| session.over(reason));
                return;
            }
            Err(NoToken::Unavailable | NoToken::NoRuntime) => {}
        }
        let wait = pause / 2 + jitter::full(pause / 2);
        if begun.elapsed() + wait >= PATIENCE {
            return;
        }
        session.send_modify(Session::pause);
        sleep(wait).await;
        pause = (pause * 2).min(longest);
        session.send_modify(Session::ask);
    }
}

/// One question, with the refresh token of the last answer that has arrived.
async fn attempt(shared: &Shared) -> Result<(TokenPair, Token), NoToken> {
    let refresh_token = shared.session.borrow().refresh.clone();
    let mut request = Request::new(RefreshTokenRequest { refresh_token, ..RefreshTokenRequest::default() });
    request.set_timeout(ATTEMPT);
    let mut auth = shared.auth.clone();
    let status = match timeout(ATTEMPT, auth.refresh_token(request)).await {
        Ok(Ok(answer)) => {
            let tokens = answer.into_inner().tokens.unwrap_or_default();
            let access = Token::parse(&tokens.access_token).ok().filter(|_| !tokens.refresh_token.is_empty());
            return access.map(|access| (tokens, access)).ok_or(NoToken::Unavailable);
        }
        Ok(Err(status)) => status,
        Err(_) => Status::deadline_exceeded(""),
    };
    // The code alone: another service's message may hold anything.
    tracing::warn!(code = ?status.code(), "the auth service did not answer RefreshToken");
    if status.code() != Code::Unauthenticated {
        return Err(NoToken::Unavailable);
    }
    let is_over = |reason: &ErrorReason| Reaction::to(*reason) == Reaction::SessionOver;
    Err(NoToken::Ended(reason_of(&status).filter(is_over).unwrap_or(ErrorReason::RefreshTokenInvalid)))
}

/// How long the access token lives; nothing for one that does not say.
fn life(clock: &Clock, tokens: &TokenPair) -> Duration {
    tokens.access_expire_time.and_then(read_time).map_or(Duration::ZERO, |end| clock.until(end))
}
