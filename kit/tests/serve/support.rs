//! A server whose one service does what its caller asks for.

use std::net::SocketAddr;

use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::{
    ErrorReason, ListSigningKeysRequest, ListSigningKeysResponse, VerifyTokenRequest, VerifyTokenResponse,
};
use gatepost::{Denial, GuardLayer, Policy, Rule, Token, Unavailable, Verdict, Verify};
use kit::serve::{Limits, Parts, serve};
use kit::shutdown::Shutdown;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) async fn start(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let policy = Policy::closed().with_health().rule("/gatepost.auth.v1.TokenService/VerifyToken", Rule::Public);
    let parts = Parts {
        name: "test",
        services: &["gatepost.auth.v1.TokenService"],
        routes: Routes::new(TokenServiceServer::new(Obedient)),
        guard: GuardLayer::new(policy, Nobody),
        limits,
        deadlines: &[],
    };
    let told = shutdown.clone();
    let task = tokio::spawn(async move { serve::<ErrorReason, _>(parts, listener, told).await.unwrap() });
    Server { address, shutdown, task }
}

/// Lets nobody in.
struct Nobody;

impl Verify for Nobody {
    async fn verify(&self, _: &Token, _: tokio::time::Instant) -> Result<Verdict, Unavailable> {
        Ok(Verdict::Denied(Denial::Invalid))
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
}
