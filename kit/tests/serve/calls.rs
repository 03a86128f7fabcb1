//! A panic ends its call alone, a stop lets running calls end.

use std::time::Duration;

use gatepost::api::auth::v1::VerifyTokenRequest;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use kit::serve::ServerLimits;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::support::{Server, start};

fn channel(server: &Server) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect_lazy()
}

async fn ask(channel: &Channel, token: &str) -> Result<(), Status> {
    let request = VerifyTokenRequest { token: token.into() };
    TokenServiceClient::new(channel.clone()).verify_token(request).await.map(drop)
}

#[tokio::test]
async fn c69_a_panic_is_internal_for_that_call_and_the_process_lives() {
    let server = start(ServerLimits::default()).await;
    let channel = channel(&server);
    let status = ask(&channel, "panic").await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.get_details_error_info().unwrap().reason, "INTERNAL");
    assert!(!status.get_details_request_info().unwrap().request_id.is_empty());
    assert!(!status.message().contains("wished"), "{}", status.message());
    assert!(ask(&channel, "").await.is_ok());
}

#[tokio::test]
async fn a_stop_tells_the_watchers_of_health_and_ends_their_streams() {
    let server = start(ServerLimits::default()).await;
    let mut health = HealthClient::new(channel(&server));
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    server.shutdown.cancel();
    let mut last = ServingStatus::Serving;
    while let Ok(Some(answer)) = watch.message().await {
        last = answer.status();
    }
    assert_ne!(last, ServingStatus::Serving);
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_stop_waits_for_running_calls_for_its_grace_and_no_longer() {
    let server = start(ServerLimits { grace: Duration::from_millis(50), ..ServerLimits::default() }).await;
    let channel = channel(&server);
    let mut call = Box::pin(ask(&channel, "hang"));
    // The call is under way when a later one on the same connection has been answered.
    tokio::select! {
        _ = &mut call => panic!("the call hangs"),
        answered = ask(&channel, "") => answered.unwrap(),
    }
    server.shutdown.cancel();
    server.task.await.unwrap();
}
