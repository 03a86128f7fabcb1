//! The tower layer around a server or a service.

use std::fmt;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Method, Request, Response, StatusCode, header};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Bytes, StdError};
use tonic::server::NamedService;
use tower_layer::Layer;
use tower_service::Service;

use super::authorizer::{AdmittedCaller, Authorizer};
use super::rejected_call::RejectionObserver;
use super::streaming::{Admission, OpenCall};
use super::{CertificateServices, Identity, Policy, PolicyError, RejectedCall, Verify, identity_headers, token};
use crate::metrics::GuardMetrics;

/// A layer that puts a [`Guard`] around a server. Every method needs a valid token unless the policy says otherwise. An
/// open stream ends when its token becomes invalid.
pub struct GuardLayer<V> {
    authorizer: Arc<Authorizer<V>>,
    audience: Option<Arc<str>>,
    peer: PeerLookup,
    services: Option<Arc<CertificateServices>>,
    observer: Option<RejectionObserver>,
}

/// A function that finds the peer of a call in the request's extensions.
type PeerLookup = fn(&Extensions) -> Option<SocketAddr>;

impl<V: Verify> GuardLayer<V> {
    /// Creates a layer from an access policy and a verifier of tokens.
    ///
    /// # Errors
    /// [`PolicyError::Rows`] lists malformed paths, services and roles of the policy.
    pub fn new(policy: Policy, verifier: V) -> Result<Self, PolicyError> {
        policy.check_rows()?;
        let authorizer = Arc::new(Authorizer::new(policy, verifier, GuardMetrics::default()));
        Ok(Self { authorizer, audience: None, peer: |_| None, services: None, observer: None })
    }

    /// Refuses tokens for other audiences. Default: the guard does not check the audience.
    #[must_use]
    pub fn audience(self, audience: impl AsRef<str>) -> Self {
        Self { audience: Some(Arc::from(audience.as_ref())), ..self }
    }

    /// Sets the function that reads a call's peer from the request's extensions. A flood of bad tokens from some peers
    /// then does not block the requests of others. Default: the guard does not tell peers apart.
    ///
    /// ```
    /// # use gatepost::{GuardLayer, Verify};
    /// # fn guard<V: Verify>(guard: GuardLayer<V>) -> GuardLayer<V> {
    /// use tonic::transport::server::TcpConnectInfo;
    /// guard.peers(|extensions| extensions.get::<TcpConnectInfo>()?.remote_addr())
    /// # }
    /// ```
    #[must_use]
    pub fn peers(self, peer: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        Self { peer, ..self }
    }

    /// Identifies callers without a token as services, by their client certificates. The transport must verify the
    /// certificates, and put a [`PeerCertificate`](crate::PeerCertificate) into the request's extensions. Default: the
    /// guard ignores certificates.
    ///
    /// A call with a token is decided by the token. The rules of the policy apply to such a service as to the bearer of
    /// a token. An open stream ends when the certificate expires.
    #[must_use]
    pub fn certificates(self, services: CertificateServices) -> Self {
        Self { services: Some(Arc::new(services)), ..self }
    }

    /// Shows each refused call to this function, for example for an audit log. The function runs inside the call, so it
    /// must not block. Anyone can cause refusals, so it must limit its work. Default: none.
    #[must_use]
    pub fn on_rejection(self, observe: impl Fn(&RejectedCall<'_>) + Send + Sync + 'static) -> Self {
        Self { observer: Some(RejectionObserver::new(observe)), ..self }
    }

    /// Returns a handle to the decision counters, which all clones share.
    pub fn metrics(&self) -> GuardMetrics {
        self.authorizer.metrics.clone()
    }
}

impl<V> fmt::Debug for GuardLayer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer").field("audience", &self.audience).finish_non_exhaustive()
    }
}

impl<V> Clone for GuardLayer<V> {
    fn clone(&self) -> Self {
        let (authorizer, audience) = (Arc::clone(&self.authorizer), self.audience.clone());
        let (services, observer) = (self.services.clone(), self.observer.clone());
        Self { authorizer, audience, peer: self.peer, services, observer }
    }
}

impl<S, V> Layer<S> for GuardLayer<V> {
    type Service = Guard<S, V>;

    fn layer(&self, inner: S) -> Self::Service {
        Guard { inner, layer: self.clone() }
    }
}

/// A service behind the guard; [`GuardLayer`] makes it.
pub struct Guard<S, V> {
    inner: S,
    layer: GuardLayer<V>,
}

impl<S: fmt::Debug, V> fmt::Debug for Guard<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The name of the inner service, so that tonic's `add_service` accepts the guarded one.
impl<S: NamedService, V> NamedService for Guard<S, V> {
    const NAME: &'static str = S::NAME;
}

impl<S: Clone, V> Clone for Guard<S, V> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, V, B, R> Service<Request<B>> for Guard<S, V>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    V: Verify,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<StdError>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<StdError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Only `self.inner` was polled ready. Call it, and keep its clone for the next poll.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let GuardLayer { authorizer, audience, peer, services, observer } = self.layer.clone();
        Box::pin(async move {
            if let Some(status) = not_grpc(&request) {
                authorizer.log_not_grpc(&request, status);
                let mut response = Response::new(Body::empty());
                *response.status_mut() = status;
                return Ok(response);
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().remove::<Identity>();
            identity_headers::strip(request.headers_mut());
            token::hide(request.headers_mut());
            let admission = Admission::now();
            let peer = peer(request.extensions());
            let extensions = request.extensions();
            let service = || services.as_ref()?.find(extensions);
            match authorizer.admit(request.uri().path(), request.headers(), audience.as_deref(), peer, service).await {
                Ok(Some(AdmittedCaller { identity, credential })) => {
                    request.extensions_mut().insert(identity);
                    let call = OpenCall::new(authorizer, audience, request.uri().clone(), credential, admission);
                    let request = request.map(|body| call.check_request(body));
                    call.check_response(pin!(inner.call(request))).await
                }
                Ok(None) => Ok(inner.call(request).await?.map(Body::new)),
                Err(rejection) => {
                    if let Some(observer) = observer {
                        let (path, headers) = (request.uri().path(), request.headers());
                        observer.observe(&RejectedCall { rejection, path, headers, peer });
                    }
                    Ok(Status::from(rejection).into_http())
                }
            }
        })
    }
}

/// Returns the HTTP status for a request that is not gRPC. Only POST with `application/grpc`, a subtype of it or
/// parameters passes. gRPC-Web is another protocol: a layer that translates it belongs outside the guard.
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
