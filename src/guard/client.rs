//! The client of the auth service: all decorators in their order, and the revocation feed.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;
use tonic::transport::Endpoint;

use super::builder::{AuthEndpoint, AuthServiceBuilder, ClientSettings};
use super::feed::RevocationFeed;
use super::introspection_cache::IntrospectionCache;
use super::layers::{Breaker, RemoteVerifier, ReplaceableChannel, Retry};
use super::shared_revocation_state::SharedRevocationState;
use super::{Introspection, Token, TrafficClass, Unavailable, Verify};
use crate::Uptime;
use crate::metrics::AuthMetrics;

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
/// With a [service key](AuthServiceBuilder::service_key) the verifier caches introspections. It uses a cached
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
}

impl AuthService {
    /// Returns a builder for the auth service at this address: `http://HOST:PORT`, or an [`Endpoint`] for TLS. The
    /// client connects on demand, and reconnects when a connection breaks or falls silent.
    ///
    /// ```no_run
    /// # fn auth(key: &gatepost::Token) -> Result<gatepost::AuthService, Box<dyn std::error::Error>> {
    /// use gatepost::AuthService;
    /// use tonic::transport::Endpoint;
    /// // For TLS enable a feature of tonic, and add `.tls_config(ClientTlsConfig::new())?` here.
    /// let endpoint = Endpoint::from_static("https://auth.example.com");
    /// let auth = AuthService::builder(endpoint).service_key(key).build()?;
    /// # Ok(auth)
    /// # }
    /// ```
    pub fn builder(endpoint: impl Into<AuthEndpoint>) -> AuthServiceBuilder {
        AuthServiceBuilder::new(endpoint.into())
    }

    pub(super) fn start(endpoint: Endpoint, key: Option<&Token>, uptime: Uptime, settings: &ClientSettings) -> Self {
        let ClientSettings { timeout, attempts, failures, probe_interval, cache_capacity, inactive_cache_capacity } =
            *settings;
        let revocation_state = Arc::new(SharedRevocationState::new(uptime.clone()));
        let verify_channel = ReplaceableChannel::from_endpoint(endpoint.clone(), timeout);
        let remote = Retry::new(RemoteVerifier::with_channel(verify_channel.clone()).with_uptime(uptime))
            .with_attempts(attempts);
        let remote = Breaker::new(remote).with_settings(failures, probe_interval, timeout);
        let state = Arc::clone(&revocation_state);
        let cache = IntrospectionCache::with_capacity(remote, timeout, state, cache_capacity, inactive_cache_capacity);
        let feed = key.map(|key| RevocationFeed::start(endpoint, key, Arc::clone(&revocation_state), verify_channel));
        Self(Arc::new(ClientState { cache, revocation_state, feed }))
    }

    /// Returns a handle to the counters of requests and of the feed.
    pub fn metrics(&self) -> AuthMetrics {
        self.0.revocation_state.metrics().clone()
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
