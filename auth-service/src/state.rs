//! What every RPC works with.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gatepost::TokenDigest;
use gatepost::log::LogLimit;
use kit::Clock;
use kit::ids::Ids;
use kit::page::PageTokens;
use kit::peer::Callers;
use kit::shutdown::Shutdown;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::config::Registration;
use crate::domain::{AttemptLimits, Audiences, Grace, Logged, PasswordPolicy, Session, Stamp, User};
use crate::error::Error;
use crate::feed::Listeners;
use crate::passwords::{Guesses, Hasher};
use crate::quotas::Quotas;
use crate::stamp::stamp;
use crate::store::Store;
use crate::tokens::{CurrentKeys, Issued, Issuer, RefreshToken, RememberingVerifier, Scope, SignError};
use crate::view::{Stale, View};

/// The service's parts, shared by all calls.
pub(crate) struct State {
    pub(crate) store: Store,
    /// What is revoked.
    pub(crate) view: Arc<View>,
    pub(crate) hasher: Hasher,
    /// Passwords that are checked for each account now.
    pub(crate) guesses: Guesses,
    /// What a new password must keep.
    pub(crate) passwords: PasswordPolicy,
    pub(crate) keys: Arc<CurrentKeys>,
    pub(crate) issuer: Issuer,
    pub(crate) verifier: RememberingVerifier,
    /// What a service's key must hash to.
    pub(crate) service_key: Option<TokenDigest>,
    pub(crate) page_tokens: PageTokens,
    /// Tells the address of a call's caller.
    pub(crate) callers: Callers,
    /// Quotas of addresses and users.
    pub(crate) quotas: Quotas,
    /// How often somebody may be wrong.
    pub(crate) attempts: AttemptLimits,
    /// The greatest difference between clocks.
    pub(crate) leeway: TimeDelta,
    pub(crate) audiences: Audiences,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) lifetimes: Lifetimes,
    /// How often, and for how long, a refresh token may be presented once more.
    pub(crate) grace: Grace,
    /// Limit for the lines about refresh tokens that are refused: callers without an account can send them.
    pub(crate) refused_refreshes: LogLimit,
    pub(crate) registration: Registration,
    /// The guards that are told of revocations.
    pub(crate) listeners: Listeners,
    /// Ends what would otherwise go on for as long as its caller wants.
    pub(crate) stop: Shutdown,
}

/// How long things live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    /// An access token.
    pub(crate) access: Duration,
    /// A session that is not refreshed.
    pub(crate) idle: Duration,
    /// A session, whatever happens.
    pub(crate) session: Duration,
}

/// When what is made now is of no more use.
pub(crate) struct Expiry {
    /// The refresh token.
    pub(crate) idle: DateTime<Utc>,
    /// It and the access token that goes with it.
    pub(crate) over: DateTime<Utc>,
}

/// What a client gets of a session.
pub(crate) struct TokenPair {
    /// The access token.
    pub(crate) access: Issued,
    /// The refresh token's text.
    pub(crate) refresh: String,
    /// Until when it can be used.
    pub(crate) refresh_expire_time: DateTime<Utc>,
}

impl Lifetimes {
    /// Of tokens that are made now for a session that ends then.
    pub(crate) fn expiry(self, now: DateTime<Utc>, session_end: DateTime<Utc>) -> Expiry {
        let (access, idle) = ((now + self.access).min(session_end), (now + self.idle).min(session_end));
        Expiry { idle, over: access.max(idle) }
    }
}

impl State {
    /// A session of this user that begins now, and its first refresh token.
    pub(crate) fn new_session(&self, user_id: Uuid, generation: i32) -> (Session, RefreshToken) {
        let (now, id) = (self.clock.now(), self.ids.next());
        let refresh = RefreshToken::first(id, kit::random::bytes());
        let expire_time = now + self.lifetimes.session;
        let Expiry { idle, over } = self.lifetimes.expiry(now, expire_time);
        let session = Session {
            id,
            user_id,
            generation,
            create_time: now,
            expire_time,
            refresh_digest: Some(refresh.digest()),
            idle_expire_time: idle,
            over_time: over,
        };
        (session, refresh)
    }

    /// Refuses a call that will need a token while none can be signed: before it writes, and before it hashes. A key that has
    /// been killed is there only until another one is known, or configured.
    pub(crate) fn check_signs(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let keys = self.keys.at(now);
        let is_good = keys.signing().is_some_and(|key| !self.view.has_killed(key.id()));
        if !is_good {
            return Err(SignError::NoKey.into());
        }
        // A token of a time to come would be refused everywhere: the horizon is repaired within a second.
        let has_come = self.view.horizon().until < self.clock.latest() + self.leeway;
        if has_come { Ok(()) } else { Err(Stale.into()) }
    }

    /// An access token of this user.
    pub(crate) fn access_token(&self, user: &User, scope: Scope<'_>) -> Result<Issued, Error> {
        self.check_signs()?;
        let (id, now) = (self.ids.next(), self.clock.now());
        Ok(self.issuer.access_token(user, scope, id, now, self.view.horizon())?)
    }

    /// The tokens of a session that has just begun, for these audiences.
    pub(crate) fn tokens(
        &self,
        user: &User,
        (session, refresh): (&Session, &RefreshToken),
        audiences: &[String],
    ) -> Result<TokenPair, Error> {
        let access = self.access_token(user, Scope { session: session.id, end: session.expire_time, audiences })?;
        Ok(TokenPair { access, refresh: refresh.expose(), refresh_expire_time: session.idle_expire_time })
    }

    /// What the log is told of a revocation that happens now.
    pub(crate) fn stamp(&self) -> Stamp {
        stamp(self.clock.now())
    }

    /// Acknowledges a revocation only once this replica refuses what it has revoked, and, where that takes no time, the
    /// guards that listen to it do. A guard that says nothing keeps nobody waiting: it has its own bound.
    ///
    /// A committed revocation is acknowledged while the log cannot be read, too: until it can, this replica judges no token.
    pub(crate) async fn revoked(&self, logged: impl Into<Option<Logged>> + Send) -> Result<(), Error> {
        let Some(logged) = logged.into() else { return Ok(()) };
        if self.view.reach(logged).await.is_err() {
            return if self.view.owe(logged) { Ok(()) } else { Err(Error::Lost) };
        }
        self.listeners.reached(logged.revision).await;
        Ok(())
    }

    /// Returns a digest of all that verification depends on: keys, issuer and audiences.
    pub(crate) fn digest(&self) -> Vec<u8> {
        let keys = self.keys.at(self.clock.now());
        let mut ids: Vec<_> = keys.ids().collect();
        ids.sort_unstable();
        let mut hash = Sha256::new();
        for part in std::iter::once(self.issuer.name()).chain(self.audiences.all()).chain(ids) {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().to_vec()
    }
}
