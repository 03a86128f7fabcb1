//! The auth service's place in a test, as a test and a guard see it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::issuer::{Issuer, Revoked};
use crate::guard::{GUARD_TIMEOUT, Knowledge, Verdicts};
use crate::ledger::{Cause, Ledger};
use crate::{Identity, Token, Unavailable, Uptime, Verdict, Verify};

/// How long the machine has been up when a test begins.
const UP: Duration = Duration::from_secs(60 * 60);

/// 2030-01-01T00:00:00Z, the time of day when a test begins: 21,915 days after 1970.
const DAY: Duration = Duration::from_secs(525_960 * 60 * 60);

/// Issues tokens in a test, and says what they are worth; see the [module](crate::testing).
///
/// Give a clone to the guard and keep one: all are the same. Nothing happens by itself, and no time passes but by
/// [`clock`](Self::clock).
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    verdicts: Verdicts<Arc<Desk>>,
    desk: Arc<Desk>,
    knowledge: Arc<Knowledge>,
    is_away: AtomicBool,
}

/// Whom the verdicts ask.
struct Desk {
    issuer: Mutex<Issuer>,
    clock: Uptime,
}

impl Auth {
    /// One that has issued nothing yet.
    pub fn new() -> Self {
        let clock = Uptime::manual();
        let issuer = Issuer::default();
        // No limit: with too many rows the ledger would begin anew, and what was asked at that moment would not count.
        let knowledge = Arc::new(Knowledge::over(Ledger::new(usize::MAX), clock.clone()));
        knowledge.write(|ledger, now| ledger.reset(issuer.position(), now));
        clock.advance(UP);
        let desk = Arc::new(Desk { issuer: Mutex::new(issuer), clock });
        let verdicts = Verdicts::new(Arc::clone(&desk), GUARD_TIMEOUT, Arc::clone(&knowledge));
        Self(Arc::new(Inner { verdicts, desk, knowledge, is_away: AtomicBool::new(false) }))
    }

    /// A new token for this bearer. Its text means nothing.
    ///
    /// A user's token without a session gets one of its own, and without an expiry it lives for a day: what the auth
    /// service does by default. A service's token without an expiry does not expire.
    pub fn issue(&self, bearer: Identity) -> Token {
        self.issuer().issue(bearer, self.time())
    }

    /// Revokes a token, and with a user's token all those of its session. The guard answers `TOKEN_REVOKED`.
    ///
    /// # Panics
    /// When another one has issued the token.
    pub fn revoke(&self, token: &Token) {
        let mut issuer = self.issuer();
        let revoked = issuer.bearer_of(token);
        self.tell(&mut issuer, revoked);
    }

    /// Ends a session: all its tokens are dead, those to come included. The guard answers `TOKEN_REVOKED`.
    pub fn revoke_session(&self, id: &str) {
        self.tell(&mut self.issuer(), Revoked::Session(id.into()));
    }

    /// Revokes all tokens that a user has by now, as a change of the password does or a role that is taken away. The guard
    /// answers `TOKEN_REVOKED`; tokens that are issued later are good.
    pub fn revoke_user(&self, subject: &str) {
        self.tell(&mut self.issuer(), Revoked::User(subject.into(), Cause::Revoked));
    }

    /// Bars a user: the guard answers `USER_DISABLED` for all tokens that the user has by now. Tokens that are issued
    /// later are good, as after the user may act again.
    pub fn disable_user(&self, subject: &str) {
        self.tell(&mut self.issuer(), Revoked::User(subject.into(), Cause::Disabled));
    }

    /// Deletes a user: the guard answers `USER_DELETED` for all tokens that the user has by now.
    pub fn delete_user(&self, subject: &str) {
        self.tell(&mut self.issuer(), Revoked::User(subject.into(), Cause::Deleted));
    }

    /// Whether the auth service is away. While it is, every call that needs a token fails with `UNAVAILABLE`
    /// (`AUTH_UNAVAILABLE`).
    pub fn away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::SeqCst);
    }

    /// The clock by which tokens grow old; [`Uptime::advance`] moves it.
    pub fn clock(&self) -> &Uptime {
        &self.0.desk.clock
    }

    /// The time of day by that clock. It begins with the year 2030.
    pub fn time(&self) -> SystemTime {
        time(&self.0.desk.clock)
    }

    fn issuer(&self) -> MutexGuard<'_, Issuer> {
        self.0.desk.issuer()
    }

    /// Revokes, as the auth service does it and as its feed tells the guard.
    fn tell(&self, issuer: &mut Issuer, revoked: Revoked) {
        let (row, target) = issuer.revoke(revoked);
        // The row is the next one, for whoever holds the issuer.
        let _ = self.0.knowledge.write(|ledger, now| ledger.revoke(row, Some(target), now));
    }

    /// The feed's renewals are never late.
    fn renew(&self) {
        let issuer = self.issuer();
        let _ = self.0.knowledge.write(|ledger, now| ledger.renew(issuer.position(), now, now));
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("time", &self.time()).finish_non_exhaustive()
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self::new()
    }
}

impl Verify for Auth {
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Verdict, Unavailable> {
        if self.0.is_away.load(Ordering::SeqCst) {
            return Err(Unavailable::Away);
        }
        self.renew();
        self.0.verdicts.verify(token, deadline).await
    }
}

impl Desk {
    fn issuer(&self) -> MutexGuard<'_, Issuer> {
        self.issuer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verify for Desk {
    async fn verify(&self, token: &Token, _deadline: Instant) -> Result<Verdict, Unavailable> {
        Ok(self.issuer().judge(token, time(&self.clock), self.clock.now()))
    }
}

fn time(clock: &Uptime) -> SystemTime {
    SystemTime::UNIX_EPOCH + DAY + clock.now().saturating_sub(UP)
}
