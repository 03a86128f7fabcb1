//! The tower layer that stands before every method of a server.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::{Denial, Identity, Policy, Refusal, Rule, Token, Unavailable, Verdict, Verify, identity, token};
use crate::deadline;

/// How long the guard waits for a verdict.
pub(super) const GUARD_TIMEOUT: Duration = Duration::from_millis(500);

/// Puts a [`Guard`] around a server: every method is closed unless the policy says otherwise.
pub struct GuardLayer<V> {
    rules: Arc<Rules<V>>,
    audience: Option<Arc<str>>,
}

struct Rules<V> {
    policy: Policy,
    verifier: V,
}

impl<V: Verify> GuardLayer<V> {
    /// Guards by `policy` what `verifier` says of each call's token.
    pub fn new(policy: Policy, verifier: V) -> Self {
        Self { rules: Arc::new(Rules { policy, verifier }), audience: None }
    }

    /// Refuses tokens that are meant for anybody but `audience`; without this call the audience is not looked at.
    #[must_use]
    pub fn audience(self, audience: impl AsRef<str>) -> Self {
        Self { audience: Some(Arc::from(audience.as_ref())), ..self }
    }
}

impl<V> Clone for GuardLayer<V> {
    fn clone(&self) -> Self {
        Self { rules: Arc::clone(&self.rules), audience: self.audience.clone() }
    }
}

impl<S, V> Layer<S> for GuardLayer<V> {
    type Service = Guard<S, V>;

    fn layer(&self, inner: S) -> Self::Service {
        Guard { inner, rules: Arc::clone(&self.rules), audience: self.audience.clone() }
    }
}

/// A service behind the guard; made by [`GuardLayer`].
pub struct Guard<S, V> {
    inner: S,
    rules: Arc<Rules<V>>,
    audience: Option<Arc<str>>,
}

impl<S: Clone, V> Clone for Guard<S, V> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), rules: Arc::clone(&self.rules), audience: self.audience.clone() }
    }
}

impl<S, V, B, R> Service<Request<B>> for Guard<S, V>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    V: Verify,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one that is called; its clone waits for the next poll.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let (rules, audience) = (Arc::clone(&self.rules), self.audience.clone());
        Box::pin(async move {
            if let Some(status) = not_grpc(&request) {
                let mut response = Response::new(R::default());
                *response.status_mut() = status;
                return Ok(response);
            }
            request.extensions_mut().remove::<Arc<Identity>>();
            identity::strip(request.headers_mut());
            token::hide(request.headers_mut());
            match rules.admit(request.uri().path(), request.headers(), audience.as_deref()).await {
                Ok(Some(identity)) => {
                    request.extensions_mut().insert(identity);
                }
                Ok(None) => {}
                Err(refusal) => return Ok(Status::from(refusal).into_http()),
            }
            inner.call(request).await
        })
    }
}

/// The caller of a method, `None` for an anonymous one, or why the call is refused.
type Decision = Result<Option<Arc<Identity>>, Refusal>;

impl<V: Verify> Rules<V> {
    /// Decides, and says so in the log.
    async fn admit(&self, path: &str, headers: &HeaderMap, audience: Option<&str>) -> Decision {
        let decision = self.decide(path, headers, audience).await;
        match &decision {
            Ok(caller) => {
                tracing::debug!(method = path, subject = caller.as_ref().map(|caller| &*caller.subject), "let in");
            }
            Err(refusal) => tracing::info!(method = path, reason = ?refusal.reason(), "refused"),
        }
        decision
    }

    async fn decide(&self, path: &str, headers: &HeaderMap, audience: Option<&str>) -> Decision {
        let rule = self.policy.of(path);
        let wanted = match rule {
            Rule::Public => return Ok(None),
            Rule::Optional | Rule::Authenticated => None,
            Rule::Role(name) => Some(name),
        };
        let token = match Token::of_call(headers) {
            Err(Refusal::TokenMissing) if *rule == Rule::Optional => return Ok(None),
            token => token?,
        };
        let identity = self.identify(&token, deadline::requested(headers)).await?;
        if audience.is_some_and(|audience| audience != identity.audience) {
            return Err(Refusal::Token(Denial::Invalid));
        }
        if wanted.is_some_and(|name| !identity.has_role(name)) {
            return Err(Refusal::NotAllowed);
        }
        Ok(Some(identity))
    }

    /// Who bears the token, found out within the guard's own limit and the caller's.
    async fn identify(&self, token: &Token, requested: Option<Duration>) -> Result<Arc<Identity>, Refusal> {
        let caller_is_shorter = requested.is_some_and(|requested| requested < GUARD_TIMEOUT);
        let deadline = Instant::now() + requested.map_or(GUARD_TIMEOUT, |requested| requested.min(GUARD_TIMEOUT));
        match timeout_at(deadline, self.verifier.verify(token, deadline)).await.unwrap_or(Err(Unavailable)) {
            Ok(Verdict::Valid(identity)) => Ok(identity),
            Ok(Verdict::Denied(denial)) => Err(Refusal::Token(denial)),
            // Whoever gave up first: the timer, or a verifier that keeps the deadline itself.
            Err(Unavailable) if caller_is_shorter && Instant::now() >= deadline => Err(Refusal::Deadline),
            Err(Unavailable) => Err(Refusal::AuthUnavailable),
        }
    }
}

/// The HTTP status for a request that is not gRPC: only POST with `application/grpc`, a subtype of it or parameters
/// passes. gRPC-Web is another protocol: a layer that translates it belongs before the guard.
fn not_grpc<B>(request: &Request<B>) -> Option<StatusCode> {
    if request.method() != Method::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    let mut kinds = request.headers().get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().map_or(&b""[..], |kind| kind.as_bytes());
    let is_grpc = kind
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| rest.first().is_none_or(|byte| matches!(byte, b'+' | b';' | b' ')));
    (!is_grpc || kinds.next().is_some()).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}
