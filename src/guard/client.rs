//! The client of the auth service: all decorators in their order, and the revocation feed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::authorizer::GUARD_TIMEOUT;
use super::endpoints::{AuthEndpoints, EndpointTarget, NameResolver};
use super::feed::{FeedCredential, RevocationFeed};
use super::introspection_cache::{DEFAULT_CACHE_CAPACITY, DEFAULT_INACTIVE_CACHE_CAPACITY, IntrospectionCache};
use super::layers::{Breaker, RemoteVerifier, Retry};
use super::shared_revocation_state::SharedRevocationState;
use super::{Introspection, Token, TrafficClass, Unavailable, Verify};
use crate::Uptime;
use crate::metrics::AuthMetrics;
use crate::trace::SpanReport;

/// A [`Verify`] that asks the auth service once per token and follows its revocations.
///
/// ```no_run
/// # use gatepost::{AuthService, Token};
/// # fn auth(key: &Token) -> Result<AuthService, Box<dyn std::error::Error>> {
/// let auth = AuthService::builder("http://127.0.0.1:50051").service_key(key).build()?;
/// # Ok(auth)
/// # }
/// ```
///
/// With a [service key](super::AuthServiceBuilder::service_key) the verifier caches introspections. It uses a cached
/// introspection only on evidence that is at most 1 s old. Calls that start later than 1.5 s after a revocation was
/// acknowledged are refused, even if the network or a process fails. As a rule they are refused at once: the auth
/// service pushes each revocation as it happens. Without a service key every call asks the auth service.
///
/// Clones share introspections, connections and the feed. The feed stops when the last clone is dropped.
#[derive(Clone)]
pub struct AuthService(Arc<ClientState>);

struct ClientState {
    cache: IntrospectionCache<Breaker<Retry<RemoteVerifier>>>,
    revocation_state: Arc<SharedRevocationState>,
    /// The task that follows the revocations; stops when dropped.
    feed: Option<RevocationFeed>,
    /// The tasks that look up host names; they stop when dropped.
    _names: NameResolver,
}

/// The numeric settings.
#[derive(Clone, Debug)]
pub(super) struct ClientSettings {
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) failures: u32,
    pub(super) probe_interval: Duration,
    pub(super) cache_capacity: usize,
    pub(super) inactive_cache_capacity: usize,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            timeout: GUARD_TIMEOUT,
            attempts: 3,
            failures: 5,
            probe_interval: Duration::from_millis(250),
            cache_capacity: DEFAULT_CACHE_CAPACITY,
            inactive_cache_capacity: DEFAULT_INACTIVE_CACHE_CAPACITY,
        }
    }
}

impl AuthService {
    /// Starts the client. With a credential it follows the revocations.
    pub(super) fn start(
        targets: Vec<EndpointTarget>,
        credential: Option<FeedCredential>,
        uptime: Uptime,
        report: SpanReport,
        settings: &ClientSettings,
    ) -> Self {
        let ClientSettings { timeout, attempts, failures, probe_interval, cache_capacity, inactive_cache_capacity } =
            *settings;
        let revocation_state = Arc::new(SharedRevocationState::new(uptime.clone()));
        let endpoints = AuthEndpoints::new(&targets, timeout, revocation_state.metrics().clone());
        let names = NameResolver::start(&endpoints, targets);
        let remote = RemoteVerifier::with_endpoints(endpoints.clone()).with_uptime(uptime).with_report(report);
        let remote = Retry::new(remote).with_attempts(attempts);
        let remote = Breaker::new(remote).with_settings(failures, probe_interval, timeout);
        let state = Arc::clone(&revocation_state);
        let cache = IntrospectionCache::with_capacity(remote, timeout, state, cache_capacity, inactive_cache_capacity);
        let feed =
            credential.map(|credential| RevocationFeed::start(endpoints, credential, Arc::clone(&revocation_state)));
        Self(Arc::new(ClientState { cache, revocation_state, feed, _names: names }))
    }

    /// Returns a handle to the counters of requests and of the feed.
    pub fn metrics(&self) -> AuthMetrics {
        self.0.revocation_state.metrics().clone()
    }

    /// Waits until the task of the feed has died by a panic, which is a bug of this crate.
    ///
    /// Without its feed a guard stays safe and becomes slow: it asks about each token once a second. A service may wait
    /// for this beside its server, and end. Without a service key there is no feed, and the wait does not end.
    pub async fn feed_died(&self) {
        match &self.0.feed {
            Some(feed) => feed.died().await,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for AuthService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("follows", &self.0.feed.is_some()).finish_non_exhaustive()
    }
}

impl Verify for AuthService {
    fn verify(
        &self,
        token: &Token,
        deadline: Instant,
    ) -> impl Future<Output = Result<Introspection, Unavailable>> + Send {
        self.0.cache.verify(token, deadline)
    }

    fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> impl Future<Output = Result<Introspection, Unavailable>> + Send {
        self.0.cache.verify_for(token, class, deadline)
    }
}
