//! What every RPC works with.

use std::sync::Arc;
use std::time::Duration;

use gatepost::Digest;
use kit::Clock;
use kit::ids::Ids;
use kit::page::PageTokens;

use crate::config::Registration;
use crate::domain::{AttemptLimits, Logged, Mark, PasswordPolicy, Session, Stamp, User};
use crate::error::Error;
use crate::passwords::{Hasher, Shares};
use crate::store::Store;
use crate::tokens::{CurrentKeys, Issued, Issuer, RememberingVerifier};
use crate::view::View;

/// The service's parts, shared by all calls.
pub(crate) struct State {
    pub(crate) store: Store,
    /// What is revoked.
    pub(crate) view: Arc<View>,
    pub(crate) hasher: Hasher,
    pub(crate) shares: Shares,
    /// What a new password must keep.
    pub(crate) passwords: PasswordPolicy,
    pub(crate) keys: Arc<CurrentKeys>,
    pub(crate) issuer: Issuer,
    pub(crate) verifier: RememberingVerifier,
    /// What a service's key must hash to.
    pub(crate) service_key: Option<Digest>,
    pub(crate) page_tokens: PageTokens,
    /// How often somebody may be wrong.
    pub(crate) attempts: AttemptLimits,
    pub(crate) audience: String,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) session_lifetime: Duration,
    pub(crate) registration: Registration,
}

impl State {
    /// A session of this user that begins now.
    pub(crate) fn new_session(&self, user_id: uuid::Uuid, generation: i32) -> Session {
        let now = self.clock.now();
        Session { id: self.ids.next(), user_id, generation, create_time: now, expire_time: now + self.session_lifetime }
    }

    /// An access token of this session.
    pub(crate) fn access_token(&self, user: &User, session: &Session) -> Result<Issued, Error> {
        Ok(self.issuer.access_token(user, session, self.ids.next(), self.clock.now(), self.view.horizon())?)
    }

    /// What the log is told of a revocation that happens now.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { mark: Mark(kit::random::bytes()), time: self.clock.now() }
    }

    /// Acknowledges a revocation only once this replica refuses what it has revoked.
    pub(crate) async fn revoked(&self, logged: impl Into<Option<Logged>> + Send) -> Result<(), Error> {
        match logged.into() {
            Some(logged) => Ok(self.view.reach(logged).await?),
            None => Ok(()),
        }
    }
}
