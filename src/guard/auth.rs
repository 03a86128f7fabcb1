//! The client of the auth service: all decorators in their order, and the revocation feed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::Endpoint;

use super::feed::Feed;
use super::knowledge::Knowledge;
use super::layers::{Breaker, QuestionChannel, RemoteVerifier, Retry};
use super::rules::GUARD_TIMEOUT;
use super::verdicts::{MAX_REFUSALS, MAX_VERDICTS, Verdicts};
use super::{Asker, Token, Unavailable, Verdict, Verify};
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
/// With a [service key](AuthServiceBuilder::service_key) the verifier keeps verdicts. It uses a kept verdict only on
/// evidence that is at most 1 s old. Calls that start later than 1.5 s after a revocation was acknowledged are refused,
/// even if the network or a process fails. As a rule they are refused at once: the auth service pushes each revocation
/// as it happens. Without a service key every call asks the auth service.
///
/// Clones share verdicts, connections and the feed. The feed stops when the last clone is dropped.
#[derive(Clone)]
pub struct AuthService(Arc<Inner>);

struct Inner {
    verdicts: Verdicts<Breaker<Retry<RemoteVerifier>>>,
    knowledge: Arc<Knowledge>,
    /// The task that follows the revocations; stops when dropped.
    feed: Option<Feed>,
}

/// The settings that are numbers.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) failures: u32,
    pub(super) probe_interval: Duration,
    pub(super) verdicts: usize,
    pub(super) refusals: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: GUARD_TIMEOUT,
            attempts: 3,
            failures: 5,
            probe_interval: Duration::from_millis(250),
            verdicts: MAX_VERDICTS,
            refusals: MAX_REFUSALS,
        }
    }
}

impl AuthService {
    pub(super) fn start(endpoint: Endpoint, key: Option<&Token>, uptime: Uptime, settings: &Settings) -> Self {
        let Settings { timeout, attempts, failures, probe_interval, verdicts, refusals } = *settings;
        let knowledge = Arc::new(Knowledge::new(uptime.clone()));
        let questions = QuestionChannel::to(endpoint.clone(), timeout);
        let remote = Retry::new(RemoteVerifier::through(questions.clone()).with_uptime(uptime)).attempts(attempts);
        let remote = Breaker::new(remote).settings(failures, probe_interval, timeout);
        let verdicts = Verdicts::with_room(remote, timeout, Arc::clone(&knowledge), verdicts, refusals);
        let feed = key.map(|key| Feed::follow(endpoint, key, Arc::clone(&knowledge), questions));
        Self(Arc::new(Inner { verdicts, knowledge, feed }))
    }

    /// Returns a handle to the counters of requests and of the feed.
    pub fn metrics(&self) -> AuthMetrics {
        self.0.knowledge.metrics().clone()
    }
}

impl fmt::Debug for AuthService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("follows", &self.0.feed.is_some()).finish_non_exhaustive()
    }
}

impl Verify for AuthService {
    fn verify(&self, token: &Token, deadline: Instant) -> impl Future<Output = Result<Verdict, Unavailable>> + Send {
        self.0.verdicts.verify(token, deadline)
    }

    fn verify_for(
        &self,
        token: &Token,
        asker: Asker,
        deadline: Instant,
    ) -> impl Future<Output = Result<Verdict, Unavailable>> + Send {
        self.0.verdicts.verify_for(token, asker, deadline)
    }
}
