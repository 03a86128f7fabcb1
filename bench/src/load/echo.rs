//! A server that answers `VerifyToken` with a constant. Its stack is that of the services, so only the handler differs.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::process::{ChildStdin, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gatepost::api::DESCRIPTOR_SET;
use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::{
    ErrorReason, ListSigningKeysRequest, ListSigningKeysResponse, VerifyTokenRequest, VerifyTokenResponse,
    WatchRevocationsRequest, WatchRevocationsResponse,
};
use gatepost::{GuardLayer, InactiveReason, Introspection, Policy, Rule, Token, Unavailable, Verify};
use kit::peer::Networks;
use kit::serve::{MethodDeadlines, Parts, ServerLimits, ServerMetrics, serve};
use kit::shutdown::Shutdown;
use kit::trace::CallTracer;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::{block_in_place, spawn_blocking};
use tokio_stream::Stream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::Failure;
use crate::services::{Killed, addresses, command};

/// Name of the server, and of the hidden command that runs it.
const NAME: &str = "echo";

/// Path of the method.
const VERIFY_PATH: &str = "/gatepost.auth.v1.TokenService/VerifyToken";

/// Deadline of the method, as in the auth service.
const DEADLINES: MethodDeadlines = &[(VERIFY_PATH, std::time::Duration::from_millis(500))];

/// A running server. It ends with this value, and with this process.
pub(super) struct EchoProcess {
    process: Killed,
    /// Open until the server may end.
    _input: ChildStdin,
    address: String,
}

impl EchoProcess {
    /// Starts this program once more as the server, with this answer to each call.
    pub(super) fn start(folder: &Path, response: &VerifyTokenResponse) -> Result<Self, Failure> {
        block_in_place(|| {
            let mut command = command(&std::env::current_exe()?, &folder.join("echo.log"))?;
            let mut process = Killed(command.arg(NAME).stdin(Stdio::piped()).spawn()?);
            let mut input = process.0.stdin.take().ok_or("no standard input")?;
            writeln!(input, "{}", BASE64_STANDARD.encode(response.encode_to_vec()))?;
            let [address] = addresses(&mut process.0, [NAME])?;
            Ok(Self { process, _input: input, address })
        })
    }

    /// Returns the address, as `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the process.
    pub(super) fn process(&self) -> &Killed {
        &self.process
    }
}

/// Serves on a free port of the loopback until standard input ends. The first line of standard input is the answer, in
/// base64.
///
/// # Errors
/// Fails if the line is no answer, or the server ends early.
pub async fn serve_echo() -> Result<(), Failure> {
    let (answer, life) = (spawn_blocking(read_line).await??, Shutdown::new());
    let response = VerifyTokenResponse::decode(BASE64_STANDARD.decode(answer.trim())?.as_slice())?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let stopped = life.clone();
    spawn_blocking(move || {
        // An error of the input is its end, too.
        let _ = read_line();
        stopped.cancel();
    });
    let policy = Policy::closed().with_health().with_reflection().rule(VERIFY_PATH, Rule::Public);
    let routes = Routes::new(TokenServiceServer::new(ConstantAnswer(response)));
    let parts = Parts {
        name: NAME,
        services: &["gatepost.auth.v1.TokenService"],
        descriptors: DESCRIPTOR_SET,
        elsewhere: &[],
        routes,
        guard: GuardLayer::new(policy, ConstantAnswer(VerifyTokenResponse::default()))?,
        limits: ServerLimits::default(),
        deadlines: DEADLINES,
        health_probe: Box::new(|| Box::pin(async { Ok(()) })),
        proxy_protocol: None,
        operators: Networks::default(),
        essential: &[VERIFY_PATH],
        secret_answers: &[],
        metrics: ServerMetrics::from_descriptors(DESCRIPTOR_SET)?,
        tracer: CallTracer::default(),
        tls: None,
    };
    Ok(serve::<ErrorReason, _>(parts, listener, life.into()).await?)
}

fn read_line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}

/// The handler.
struct ConstantAnswer(VerifyTokenResponse);

impl Verify for ConstantAnswer {
    /// Refuses each token. The only method is public, so no guard asks.
    async fn verify(&self, _: &Token, _: tokio::time::Instant) -> Result<Introspection, Unavailable> {
        Ok(Introspection::inactive(InactiveReason::Invalid))
    }
}

#[tonic::async_trait]
impl TokenService for ConstantAnswer {
    async fn verify_token(&self, _: Request<VerifyTokenRequest>) -> Result<Response<VerifyTokenResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn list_signing_keys(
        &self,
        _: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        Err(Status::unimplemented("this server answers VerifyToken only"))
    }

    type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<WatchRevocationsResponse, Status>> + Send>>;

    async fn watch_revocations(
        &self,
        _: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Err(Status::unimplemented("this server answers VerifyToken only"))
    }
}
