//! The two steps of a stop: the server leaves and goes on serving, then it drains. A dead background task stops it too.

use std::net::SocketAddr;
use std::sync::Arc;

use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::{ErrorReason, VerifyTokenRequest};
use kit::lifecycle::Lifecycle;
use kit::serve::{Parts, ServeError, serve};
use kit::shutdown::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::parts;

/// A server that the test stops step by step.
struct StoppingServer {
    address: SocketAddr,
    front: Shutdown,
    life: Lifecycle,
    go_on: Arc<Notify>,
    task: JoinHandle<Result<(), ServeError>>,
}

async fn start() -> StoppingServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, front, go_on) = (listener.local_addr().unwrap(), Shutdown::new(), Arc::new(Notify::new()));
    // The server leaves once `front` is cancelled, and drains once the test stops `life`.
    let life = Lifecycle::from(front.clone()).behind();
    let task = tokio::spawn(serve::<ErrorReason, _>(parts(&go_on), listener, life.clone()));
    StoppingServer { address, front, life, go_on, task }
}

impl StoppingServer {
    fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect_lazy()
    }
}

async fn ask(channel: &Channel, token: &str) -> Result<(), Status> {
    let request = VerifyTokenRequest { token: token.into() };
    TokenServiceClient::new(channel.clone()).verify_token(request).await.map(drop)
}

#[tokio::test]
async fn leaving_server_says_so_and_accepts_until_it_drains() {
    let server = start().await;
    let mut health = HealthClient::new(server.channel());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    server.front.cancel();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    for _ in 0..3 {
        let new = server.channel();
        let checked = HealthClient::new(new.clone()).check(HealthCheckRequest::default()).await.unwrap();
        assert_eq!(checked.into_inner().status(), ServingStatus::NotServing);
        ask(&new, "").await.unwrap();
    }
    server.life.stop();
    while let Ok(Some(_)) = watch.message().await {}
    server.task.await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn running_call_ends_while_the_server_drains() {
    let server = start().await;
    let channel = server.channel();
    let mut call = Box::pin(ask(&channel, "wait"));
    // The call is under way once a later call on the same connection has been answered.
    tokio::select! {
        _ = &mut call => panic!("the call waits"),
        answered = ask(&channel, "") => answered.unwrap(),
    }
    server.life.stop();
    while TcpStream::connect(server.address).await.is_ok() {}
    server.go_on.notify_one();
    call.await.unwrap();
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn dead_health_task_ends_the_server_with_its_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let health_probe = Box::new(|| panic!("as the test requested"));
    let parts = Parts { health_probe, ..parts(&Arc::default()) };
    let ended = serve::<ErrorReason, _>(parts, listener, Shutdown::new().into()).await;
    let reason = ended.unwrap_err().to_string();
    assert!(reason.starts_with("the background task `health` has panicked (as the test requested)"), "{reason}");
}
