//! The test replacement of the auth service.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::issuer::{TestIssuer, TestRevocation};
use crate::guard::{GUARD_TIMEOUT, IntrospectionCache, SharedRevocationState};
use crate::revocation_state::{RevocationCause, RevocationState};
use crate::{Identity, Introspection, Token, Unavailable, Uptime, Verify};

/// The machine's uptime at the start of a test.
const INITIAL_UPTIME: Duration = Duration::from_secs(60 * 60);

/// The time of day at the start of a test, 2030-01-01T00:00:00Z: 21,915 days after 1970.
const INITIAL_TIME: Duration = Duration::from_secs(525_960 * 60 * 60);

/// A replacement of the auth service in tests. It issues tokens and verifies them; see the [module](crate::testing).
///
/// Give a clone to the guard and keep one: clones share all state. Time stands still until a test advances
/// [`clock`](Self::clock).
#[derive(Clone)]
pub struct Auth(Arc<TestAuthState>);

struct TestAuthState {
    cache: IntrospectionCache<Arc<TestVerifier>>,
    verifier: Arc<TestVerifier>,
    revocation_state: Arc<SharedRevocationState>,
    is_away: AtomicBool,
}

/// The verifier behind the cached introspections.
struct TestVerifier {
    issuer: Mutex<TestIssuer>,
    clock: Uptime,
}

impl Auth {
    /// Creates a replacement without any tokens.
    pub fn new() -> Self {
        let clock = Uptime::manual();
        let issuer = TestIssuer::default();
        // No limit: a full revocation state resets itself and would drop introspections from the same moment.
        let revocation_state =
            Arc::new(SharedRevocationState::with_state(RevocationState::new(usize::MAX), clock.clone()));
        revocation_state.write(|state, now| state.reset(issuer.position(), now));
        clock.advance(INITIAL_UPTIME);
        let verifier = Arc::new(TestVerifier { issuer: Mutex::new(issuer), clock });
        let cache = IntrospectionCache::new(Arc::clone(&verifier), GUARD_TIMEOUT, Arc::clone(&revocation_state));
        Self(Arc::new(TestAuthState { cache, verifier, revocation_state, is_away: AtomicBool::new(false) }))
    }

    /// Issues a token for this bearer. The text is arbitrary.
    ///
    /// A user's token without a session gets a new session. Without an expiry it lives for one day, the auth service's
    /// default. A service's token without an expiry never expires.
    pub fn issue(&self, bearer: Identity) -> Token {
        self.issuer().issue(bearer, self.time())
    }

    /// Revokes a token. A user's token takes its whole session along. The guard answers `TOKEN_REVOKED`.
    ///
    /// # Panics
    /// Panics if another `Auth` issued the token.
    pub fn revoke(&self, token: &Token) {
        let mut issuer = self.issuer();
        let revoked = issuer.revocation_of(token);
        self.apply(&mut issuer, revoked);
    }

    /// Ends a session, including tokens issued later for it. The guard answers `TOKEN_REVOKED`.
    pub fn revoke_session(&self, id: &str) {
        self.apply(&mut self.issuer(), TestRevocation::Session(id.into()));
    }

    /// Revokes all current tokens of a user, as a password change or the loss of a role does. The guard answers
    /// `TOKEN_REVOKED`. Later tokens are valid.
    pub fn revoke_user(&self, subject: &str) {
        self.apply(&mut self.issuer(), TestRevocation::User(subject.into(), RevocationCause::Revoked));
    }

    /// Disables a user: the guard answers `USER_DISABLED` for all current tokens of the user. Later tokens are valid,
    /// as if the user was enabled again.
    pub fn disable_user(&self, subject: &str) {
        self.apply(&mut self.issuer(), TestRevocation::User(subject.into(), RevocationCause::Disabled));
    }

    /// Deletes a user: the guard answers `USER_DELETED` for all current tokens of the user.
    pub fn delete_user(&self, subject: &str) {
        self.apply(&mut self.issuer(), TestRevocation::User(subject.into(), RevocationCause::Deleted));
    }

    /// Starts or ends an outage. During an outage every call that needs a token fails with `UNAVAILABLE`
    /// (`AUTH_UNAVAILABLE`).
    pub fn away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Returns the clock for the age of tokens; [`Uptime::advance`] moves it.
    pub fn clock(&self) -> &Uptime {
        &self.0.verifier.clock
    }

    /// Returns the time of day by that clock. It starts at 2030-01-01T00:00:00Z.
    pub fn time(&self) -> SystemTime {
        time(&self.0.verifier.clock)
    }

    fn issuer(&self) -> MutexGuard<'_, TestIssuer> {
        self.0.verifier.issuer()
    }

    /// Revokes in the issuer and in the guard's state, as the feed would.
    fn apply(&self, issuer: &mut TestIssuer, revoked: TestRevocation) {
        let (entry, target) = issuer.revoke(revoked);
        // The lock on the issuer makes this entry the next one.
        let _ = self.0.revocation_state.write(|state, now| state.revoke(entry, Some(target), now));
    }

    /// Renews the lease. Renewals are never late here.
    fn renew(&self) {
        let issuer = self.issuer();
        let _ = self.0.revocation_state.write(|state, now| state.renew(issuer.position(), now, now));
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
    async fn verify(&self, token: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        if self.0.is_away.load(Ordering::SeqCst) {
            return Err(Unavailable::Away);
        }
        self.renew();
        self.0.cache.verify(token, deadline).await
    }
}

impl TestVerifier {
    fn issuer(&self) -> MutexGuard<'_, TestIssuer> {
        self.issuer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verify for TestVerifier {
    async fn verify(&self, token: &Token, _deadline: Instant) -> Result<Introspection, Unavailable> {
        Ok(self.issuer().introspect(token, time(&self.clock), self.clock.now()))
    }
}

fn time(clock: &Uptime) -> SystemTime {
    SystemTime::UNIX_EPOCH + INITIAL_TIME + clock.now().saturating_sub(INITIAL_UPTIME)
}
