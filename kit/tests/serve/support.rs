//! A server whose one service does what its caller asks for.

use std::net::SocketAddr;

use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::{
    ErrorReason, ListSigningKeysRequest, ListSigningKeysResponse, VerifyTokenRequest, VerifyTokenResponse,
    WatchRevocationsRequest, WatchRevocationsResponse,
};
use gatepost::{Denial, GuardLayer, Identity, Policy, Rule, SubjectKind, Token, Unavailable, Verdict, Verify};
use kit::serve::{Limits, Parts, serve};
use kit::shutdown::Shutdown;
use kit::testing::Raw;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(self.address).await
    }
}

pub(crate) async fn start(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let policy = Policy::closed()
        .with_health()
        .with_reflection()
        .rule("/gatepost.auth.v1.TokenService/VerifyToken", Rule::Public);
    let parts = Parts {
        name: "test",
        services: &["gatepost.auth.v1.TokenService"],
        elsewhere: &[],
        routes: Routes::new(TokenServiceServer::new(Obedient)),
        guard: GuardLayer::new(policy, Doorkeeper),
        limits,
        deadlines: &[],
        look: Box::new(|| Box::pin(async { Ok(()) })),
    };
    let told = shutdown.clone();
    let task = tokio::spawn(async move { serve::<ErrorReason, _>(parts, listener, told).await.unwrap() });
    Server { address, shutdown, task }
}

/// Lets the bearer of the token `good` in, and nobody else.
struct Doorkeeper;

impl Verify for Doorkeeper {
    async fn verify(&self, token: &Token, _: tokio::time::Instant) -> Result<Verdict, Unavailable> {
        if token.expose() != "good" {
            return Ok(Verdict::denied(Denial::Invalid));
        }
        Ok(Verdict::valid(Identity {
            subject: "ada".into(),
            kind: SubjectKind::User,
            roles: Vec::new(),
            session: None,
            audience: String::new(),
            expire_time: None,
        }))
    }
}

/// Panics, hangs or answers, as the token says.
struct Obedient;

#[tonic::async_trait]
impl TokenService for Obedient {
    async fn verify_token(
        &self,
        request: Request<VerifyTokenRequest>,
    ) -> Result<Response<VerifyTokenResponse>, Status> {
        match request.into_inner().token.as_str() {
            "panic" => panic!("as the caller wished"),
            "hang" => std::future::pending().await,
            _ => Ok(Response::new(VerifyTokenResponse::default())),
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
        Err(Status::unimplemented("nobody asks for it"))
    }
}
