//! The auth service as a guard asks it: all decorators in their order, and the feed beside them.

use std::sync::Arc;

use tokio::time::Instant;
use tonic::transport::Endpoint;

use super::feed::Feed;
use super::knowledge::Knowledge;
use super::question_channel::QuestionChannel;
use super::remote::{RemoteVerifier, endpoint, settled};
use super::rules::GUARD_TIMEOUT;
use super::verdicts::Verdicts;
use super::{Asker, Breaker, InvalidUrl, Retry, Token, Unavailable, Verdict, Verify};
use crate::Uptime;
use crate::metrics::AuthMetrics;

/// Asks the auth service once for each token, and learns from it what is revoked.
///
/// ```no_run
/// # use gatepost::{AuthService, Token};
/// # fn auth(key: &Token) -> Result<AuthService, gatepost::InvalidUrl> {
/// let auth = AuthService::lazy("http://127.0.0.1:50051")?.follow(key);
/// # Ok(auth)
/// # }
/// ```
///
/// Verdicts are kept and used while nothing has revoked their tokens, on evidence that is never more than a second old: a
/// call that begins later than 1.5 seconds after a revocation was acknowledged is refused, whatever fails. As a rule it is
/// refused at once, since the auth service tells of each revocation as it happens. Without [`follow`](Self::follow) every
/// call is a question.
pub struct AuthService {
    verdicts: Verdicts<Breaker<Retry<RemoteVerifier>>>,
    knowledge: Arc<Knowledge>,
    endpoint: Endpoint,
    questions: QuestionChannel,
    #[expect(dead_code, reason = "it ends with whoever holds it")]
    feed: Option<Feed>,
}

impl AuthService {
    /// The auth service at `url` (`http://host:port`). Connections are made when they are needed, and made again whenever
    /// they are lost or fall silent.
    ///
    /// # Errors
    /// When `url` is anything but `http://host:port`.
    pub fn lazy(url: impl Into<String>) -> Result<Self, InvalidUrl> {
        Self::lazy_by(url, Uptime::system())
    }

    /// The same by another clock, which a test can move.
    ///
    /// # Errors
    /// As those of [`lazy`](Self::lazy).
    pub fn lazy_by(url: impl Into<String>, uptime: Uptime) -> Result<Self, InvalidUrl> {
        Ok(Self::reached(endpoint(url)?, uptime))
    }

    /// The auth service at an endpoint of the caller's own, for TLS above all. The limits in time and the keep-alive become
    /// those that [`lazy`](Self::lazy) has.
    ///
    /// ```no_run
    /// # fn auth(key: &gatepost::Token) -> Result<gatepost::AuthService, tonic::transport::Error> {
    /// use tonic::transport::Endpoint;
    /// // With a feature of tonic's for it, `.tls_config(ClientTlsConfig::new())?` comes here.
    /// let endpoint = Endpoint::from_static("https://auth.example.com");
    /// let auth = gatepost::AuthService::over(endpoint).follow(key);
    /// # Ok(auth)
    /// # }
    /// ```
    pub fn over(endpoint: Endpoint) -> Self {
        Self::reached(settled(endpoint), Uptime::system())
    }

    fn reached(endpoint: Endpoint, uptime: Uptime) -> Self {
        let knowledge = Arc::new(Knowledge::new(uptime.clone()));
        let questions = QuestionChannel::to(endpoint.clone());
        let remote = Breaker::new(Retry::new(RemoteVerifier::through(questions.clone()).by(uptime)));
        let verdicts = Verdicts::new(remote, GUARD_TIMEOUT, Arc::clone(&knowledge));
        Self { verdicts, knowledge, endpoint, questions, feed: None }
    }

    /// Keeps verdicts, and follows the revocations as the service that has this key (the auth service's
    /// `AUTH_SERVICE_KEY`), until this is dropped. With a wrong key nothing is kept, and the log says so.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    #[must_use]
    pub fn follow(self, service_key: &Token) -> Self {
        let (endpoint, questions) = (self.endpoint.clone(), self.questions.clone());
        let feed = Feed::follow(endpoint, service_key, Arc::clone(&self.knowledge), questions);
        Self { feed: Some(feed), ..self }
    }

    /// What is counted of the questions and of the feed.
    pub fn metrics(&self) -> AuthMetrics {
        self.knowledge.metrics().clone()
    }
}

impl Verify for AuthService {
    fn verify(&self, token: &Token, deadline: Instant) -> impl Future<Output = Result<Verdict, Unavailable>> + Send {
        self.verdicts.verify(token, deadline)
    }

    fn verify_for(
        &self,
        token: &Token,
        asker: Asker,
        deadline: Instant,
    ) -> impl Future<Output = Result<Verdict, Unavailable>> + Send {
        self.verdicts.verify_for(token, asker, deadline)
    }
}
