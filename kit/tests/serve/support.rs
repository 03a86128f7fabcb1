//! Server with one service, which does what its caller asks for.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::{
    ErrorReason, ListSigningKeysRequest, ListSigningKeysResponse, TokenClaims, VerifyTokenRequest, VerifyTokenResponse,
    WatchRevocationsRequest, WatchRevocationsResponse,
};
use gatepost::{GuardLayer, Identity, InactiveReason, Introspection, Policy, Rule, Token, Unavailable, Verify};
use kit::peer::ProxyProtocol;
use kit::serve::{Parts, Room, ServerLimits, serve};
use kit::shutdown::Shutdown;
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
}

impl TestServer {
    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(self.address).await
    }
}

#[expect(clippy::large_types_passed_by_value, reason = "a test's server takes its limits whole")]
pub(crate) async fn start(limits: ServerLimits) -> TestServer {
    start_behind(limits, None).await
}

/// Starts a server; its connections start with the PROXY protocol, if there is one.
#[expect(clippy::large_types_passed_by_value, reason = "a test's server takes its limits whole")]
pub(crate) async fn start_behind(limits: ServerLimits, proxy_protocol: Option<ProxyProtocol>) -> TestServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, go_on) = (Shutdown::new(), Arc::new(Notify::new()));
    let parts = Parts { limits, proxy_protocol, ..parts(&go_on) };
    let life = shutdown.clone().into();
    let task = tokio::spawn(async move { serve::<ErrorReason, _>(parts, listener, life).await.unwrap() });
    TestServer { address, shutdown, task, go_on }
}

/// Returns the parts of a server with the usual limits; `go_on` lets one call with the token `wait` end.
pub(crate) fn parts(go_on: &Arc<Notify>) -> Parts<impl Verify + use<>> {
    let policy = Policy::closed()
        .with_health()
        .with_reflection()
        .rule("/gatepost.auth.v1.TokenService/VerifyToken", Rule::Public);
    Parts {
        name: "test",
        services: &["gatepost.auth.v1.TokenService"],
        descriptors: gatepost::api::DESCRIPTOR_SET,
        elsewhere: &[],
        routes: Routes::new(TokenServiceServer::new(TestTokenService(Arc::clone(go_on)))),
        guard: GuardLayer::new(policy, OneTokenVerifier).unwrap(),
        limits: ServerLimits::default(),
        deadlines: &[],
        health_probe: Box::new(|| Box::pin(async { Ok(()) })),
        proxy_protocol: None,
    }
}

/// Verifier that admits only the token `good`.
struct OneTokenVerifier;

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
            _ => String::new(),
        };
        match token.as_str() {
            "panic" => panic!("as the caller wished"),
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

    type WatchRevocationsStream = Streaming<WatchRevocationsResponse>;

    async fn watch_revocations(
        &self,
        _: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Err(Status::unimplemented("not used by the tests"))
    }
}
