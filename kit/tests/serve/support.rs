//! Server with one service, which does what its caller asks for.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, stream};
use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::{
    ErrorReason, ListSigningKeysRequest, ListSigningKeysResponse, TokenClaims, VerifyTokenRequest, VerifyTokenResponse,
    WatchRevocationsRequest, WatchRevocationsResponse,
};
use gatepost::{
    CertificateServices, GuardLayer, Identity, InactiveReason, Introspection, Policy, Rule, Token, Unavailable, Verify,
};
use kit::peer::Networks;
use kit::serve::{Parts, Room, ServerLimits, ServerMetrics, serve};
use kit::shutdown::Shutdown;
use kit::tls::ServerTls;
use kit::trace::CallTracer;
use testkit::Raw;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) task: JoinHandle<()>,
    /// Lets one call with the token `wait` end.
    pub(crate) go_on: Arc<Notify>,
    pub(crate) metrics: ServerMetrics,
}

impl TestServer {
    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(self.address).await
    }
}

#[expect(clippy::large_types_passed_by_value, reason = "each test passes all its limits by value")]
pub(crate) async fn start(limits: ServerLimits) -> TestServer {
    start_with(|parts| parts.limits = limits).await
}

/// Starts a server with TLS. Client certificates of `spiffe://example.org/blog` are the service `blog`, which alone may
/// call `ListSigningKeys`.
#[expect(clippy::large_types_passed_by_value, reason = "each test passes all its limits by value")]
pub(crate) async fn start_with_tls(limits: ServerLimits, tls: ServerTls) -> TestServer {
    let name = "spiffe://example.org/blog".parse().unwrap();
    let services = CertificateServices::new().service(name, Identity::service("blog"));
    let guard = guard(Rule::service()).certificates(services);
    start_with(|parts| (parts.limits, parts.tls, parts.guard) = (limits, Some(tls), guard)).await
}

/// Starts a server after this change of its parts.
pub(crate) async fn start_with(change: impl FnOnce(&mut Parts<OneTokenVerifier>)) -> TestServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, go_on) = (Shutdown::new(), Arc::new(Notify::new()));
    let mut parts = parts(&go_on);
    change(&mut parts);
    let (metrics, life) = (parts.metrics.clone(), shutdown.clone().into());
    let task = tokio::spawn(async move { serve::<ErrorReason, _>(parts, listener, life).await.unwrap() });
    TestServer { address, shutdown, task, go_on, metrics }
}

/// Returns the parts of a server with the usual limits; `go_on` lets one call with the token `wait` end.
pub(crate) fn parts(go_on: &Arc<Notify>) -> Parts<OneTokenVerifier> {
    Parts {
        name: "test",
        services: &["gatepost.auth.v1.TokenService"],
        descriptors: gatepost::api::DESCRIPTOR_SET,
        elsewhere: &[],
        routes: Routes::new(TokenServiceServer::new(TestTokenService(Arc::clone(go_on)))),
        guard: guard(Rule::Public),
        limits: ServerLimits::default(),
        deadlines: &[],
        health_probe: Box::new(|| Box::pin(async { Ok(()) })),
        proxy_protocol: None,
        operators: Networks::default(),
        essential: &[],
        secret_answers: &[],
        metrics: ServerMetrics::from_descriptors(gatepost::api::DESCRIPTOR_SET).unwrap(),
        tracer: CallTracer::default(),
        tls: None,
    }
}

/// Returns a guard that requires a token for `ListSigningKeys`.
pub(crate) fn keys_guard() -> GuardLayer<OneTokenVerifier> {
    guard(Rule::Authenticated)
}

/// Returns a guard with this rule for `ListSigningKeys`; the other methods are public.
fn guard(keys: Rule) -> GuardLayer<OneTokenVerifier> {
    let rules = [("VerifyToken", Rule::Public), ("ListSigningKeys", keys), ("WatchRevocations", Rule::Public)];
    let policy = Policy::closed().with_health().with_reflection();
    let policy = rules
        .into_iter()
        .fold(policy, |policy, (method, rule)| policy.rule(format!("/gatepost.auth.v1.TokenService/{method}"), rule));
    GuardLayer::new(policy, OneTokenVerifier).unwrap()
}

/// Verifier that admits only the token `good`.
pub(crate) struct OneTokenVerifier;

impl Verify for OneTokenVerifier {
    async fn verify(&self, token: &Token, _: tokio::time::Instant) -> Result<Introspection, Unavailable> {
        if token.expose() != "good" {
            return Ok(Introspection::inactive(InactiveReason::Invalid));
        }
        Ok(Introspection::active(Identity::user("ada")))
    }
}

/// Service that panics, hangs, waits for a notification or answers, as the token says.
struct TestTokenService(Arc<Notify>);

#[tonic::async_trait]
impl TokenService for TestTokenService {
    async fn verify_token(
        &self,
        request: Request<VerifyTokenRequest>,
    ) -> Result<Response<VerifyTokenResponse>, Status> {
        let room = Room::from_request(&request);
        let token = request.into_inner().token;
        let subject = match token.split_once(':') {
            // An answer of this number of bytes, with or without a reservation.
            Some(("answer", bytes)) => "x".repeat(bytes.parse().unwrap()),
            Some(("reserve", bytes)) => {
                let bytes = bytes.parse().unwrap();
                room.reserve(bytes + 100).await?;
                "x".repeat(bytes)
            }
            // A reservation in place of another one.
            Some(("again", bytes)) => {
                let bytes = bytes.parse().unwrap();
                room.reserve(bytes).await?;
                room.reserve(bytes).await?;
                String::new()
            }
            _ => String::new(),
        };
        match token.as_str() {
            "panic" => panic!("as the caller requested"),
            "hang" => std::future::pending().await,
            "wait" => {
                self.0.notified().await;
                Ok(Response::new(VerifyTokenResponse::default()))
            }
            _ => {
                let claims = Some(TokenClaims { subject, ..TokenClaims::default() });
                Ok(Response::new(VerifyTokenResponse { claims, ..VerifyTokenResponse::default() }))
            }
        }
    }

    async fn list_signing_keys(
        &self,
        _: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        Ok(Response::new(ListSigningKeysResponse::default()))
    }

    type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<WatchRevocationsResponse, Status>> + Send>>;

    async fn watch_revocations(
        &self,
        _: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        // A stream that stays silent.
        Ok(Response::new(Box::pin(stream::pending())))
    }
}
