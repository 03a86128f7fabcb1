//! The access token of one session, renewed before it expires.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::clock::ClientClock;
use super::reaction::{is_admitted, reason_of};
use super::session::{CallStart, ClientSession, TokenAction};
use super::{NoToken, Reaction};
use crate::api::auth::v1::auth_service_client::AuthServiceClient;
use crate::api::auth::v1::{ErrorReason, RefreshTokenRequest, TokenPair};
use crate::guard::{jitter, read_time};
use crate::{Token, Uptime};

/// Time limit of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// First pause between attempts. The actual pause is random, at least half of it.
const FIRST_RENEWAL_PAUSE: Duration = Duration::from_millis(250);

/// Maximum pause between attempts.
const MAX_RENEWAL_PAUSE: Duration = Duration::from_secs(8);

/// Total time of a renewal. It is shorter than the minute in which the auth service repeats a lost answer.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(50);

/// A session that provides an access token for each call and renews it with `RefreshToken`.
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
/// let mut users = UserServiceClient::new(session.wrap(auth));
/// users.get_me(GetMeRequest::default()).await?;
/// # Ok(())
/// # }
/// ```
///
/// - The first call in the last fifth of a token's life starts a renewal. Calls continue with the old token. They wait
///   for the new one only after the old one has expired.
/// - Clones share one renewal. The cancellation of one call does not affect the others.
/// - A refresh token is used once, and its answer may be lost. A failed renewal is repeated in the background with the
///   same token for 50 s. The auth service repeats a lost answer for 60 s. After that, the next call tries again.
/// - After the auth service reports the end of the session, all calls fail at once with [`NoToken::Ended`].
/// - If a callee says that the token is expired, revoked or invalid, the next call waits for a new one. So a removed
///   role, a retired key or a new secret costs one failed call and not the session. If the new token is refused before
///   it admits any call, the session is over. [`Reaction`] has the table of all reasons.
/// - A local clock that is ahead causes extra renewals, at most one in four seconds. A clock that is behind costs one
///   failed call per token.
///
/// Two sources, or two processes, must not share a session: each would use up the other's refresh tokens. Nothing is
/// renewed while there are no calls.
#[derive(Clone)]
pub struct TokenSource(Arc<SourceState>);

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource([redacted])")
    }
}

struct SourceState {
    auth: AuthServiceClient<Channel>,
    clock: ClientClock,
    session: watch::Sender<ClientSession>,
}

impl TokenSource {
    /// Creates a session from the tokens of a login or registration. `auth` is a channel to the auth service. With
    /// empty tokens the session is over at its first call.
    pub fn new(auth: Channel, tokens: TokenPair) -> Self {
        Self::with_client_clock(auth, tokens, ClientClock::system())
    }

    /// Creates a session with another clock, for tests. `time` is the current time of day.
    pub fn with_clock(auth: Channel, tokens: TokenPair, uptime: Uptime, time: SystemTime) -> Self {
        Self::with_client_clock(auth, tokens, ClientClock::starting_at(uptime, time))
    }

    fn with_client_clock(auth: Channel, tokens: TokenPair, clock: ClientClock) -> Self {
        let (access, life) = (Token::parse(&tokens.access_token).ok(), life(&clock, &tokens));
        let session = ClientSession::new(tokens.refresh_token, access, life, clock.now());
        Self(Arc::new(SourceState { auth: AuthServiceClient::new(auth), clock, session: watch::Sender::new(session) }))
    }

    /// Returns a valid token, for callers that attach it themselves. If the last one has expired, waits up to 5 s for
    /// the next.
    ///
    /// # Errors
    /// [`NoToken`] is the reason why there is no token.
    pub async fn token(&self) -> Result<Token, NoToken> {
        let runtime = Handle::try_current().map_err(|_| NoToken::NoRuntime)?;
        let SourceState { session, clock, .. } = &*self.0;
        let mut changes = session.subscribe();
        let (mut call, mut before) = (CallStart::WAIT, 0);
        session.send_if_modified(|session| {
            before = session.attempts;
            call = session.start_call(clock.now());
            false
        });
        if call.starts_renewal {
            runtime.spawn(renew(RunningRenewal(Arc::clone(&self.0))));
        }
        match call.action {
            TokenAction::Use(token) => Ok(token),
            TokenAction::Fail(error) => Err(error),
            TokenAction::Wait => {
                let ended = changes.wait_for(|session| session.attempts > before).await;
                // This source owns the sender.
                ended.map_err(|_| NoToken::Unavailable)?.token_after_wait(clock.now())
            }
        }
    }

    /// Drops a token that a callee has refused. The next call waits for a new one. Does nothing for an older token.
    pub fn forget(&self, token: &Token) {
        self.0.session.send_modify(|session| session.forget(token));
    }
}

impl TokenSource {
    /// Records the status of a call with this token, for callers that attach it themselves. The [`Reaction`] to its
    /// reason may renew the token or end the session. Pass `Status::ok("")` for a successful call.
    pub fn record_status(&self, token: &Token, status: &Status) {
        let session = &self.0.session;
        match reason_of(status) {
            // These reasons belong to a refresh token in the call's own request.
            Some(ErrorReason::RefreshTokenInvalid | ErrorReason::RefreshTokenReused) => {}
            Some(reason) if matches!(Reaction::from_reason(reason), Reaction::RefreshOnce | Reaction::SessionOver) => {
                session.send_modify(|session| session.refused(token, reason));
            }
            _ if is_admitted(status) && session.borrow().is_on_trial(token) => {
                session.send_modify(|session| session.record_admission(token));
            }
            _ => {}
        }
    }
}

/// The running renewal. Dropping it clears the state, even after a panic.
struct RunningRenewal(Arc<SourceState>);

impl Drop for RunningRenewal {
    fn drop(&mut self) {
        self.0.session.send_modify(ClientSession::finish_renewal);
    }
}

/// Repeats attempts until there is an answer or the time is over.
async fn renew(running: RunningRenewal) {
    let SourceState { session, clock, .. } = &*running.0;
    let begun = Instant::now();
    let mut pause = FIRST_RENEWAL_PAUSE;
    loop {
        match attempt(&running.0).await {
            Ok((tokens, access)) => {
                let life = life(clock, &tokens);
                session.send_modify(|session| session.renewed(tokens.refresh_token, access, life, clock.now()));
                return;
            }
            Err(NoToken::Ended(reason)) => {
                tracing::info!(?reason, "the session is over");
                session.send_modify(|session| session.end(reason));
                return;
            }
            Err(NoToken::Unavailable | NoToken::NoRuntime) => {}
        }
        let wait = pause / 2 + jitter::full(pause / 2);
        if begun.elapsed() + wait >= RENEWAL_TIMEOUT {
            return;
        }
        session.send_modify(ClientSession::pause);
        sleep(wait).await;
        pause = (pause * 2).min(MAX_RENEWAL_PAUSE);
        session.send_modify(ClientSession::retry);
    }
}

/// Sends one request with the newest refresh token.
async fn attempt(state: &SourceState) -> Result<(TokenPair, Token), NoToken> {
    let refresh_token = state.session.borrow().refresh.clone();
    let mut request = Request::new(RefreshTokenRequest { refresh_token, ..RefreshTokenRequest::default() });
    request.set_timeout(ATTEMPT_TIMEOUT);
    let mut auth = state.auth.clone();
    let status = match timeout(ATTEMPT_TIMEOUT, auth.refresh_token(request)).await {
        Ok(Ok(answer)) => {
            let tokens = answer.into_inner().tokens.unwrap_or_default();
            let access = Token::parse(&tokens.access_token).ok().filter(|_| !tokens.refresh_token.is_empty());
            return access.map(|access| (tokens, access)).ok_or(NoToken::Unavailable);
        }
        Ok(Err(status)) => status,
        Err(_) => Status::deadline_exceeded(""),
    };
    // Only the code: a remote message may contain secrets.
    tracing::warn!(code = ?status.code(), "the auth service did not answer RefreshToken");
    if status.code() != Code::Unauthenticated {
        return Err(NoToken::Unavailable);
    }
    let is_over = |reason: &ErrorReason| Reaction::from_reason(*reason) == Reaction::SessionOver;
    Err(NoToken::Ended(reason_of(&status).filter(is_over).unwrap_or(ErrorReason::RefreshTokenInvalid)))
}

/// Returns the remaining life of the access token; zero if it has no expiry.
fn life(clock: &ClientClock, tokens: &TokenPair) -> Duration {
    tokens.access_expire_time.and_then(read_time).map_or(Duration::ZERO, |end| clock.until(end))
}
