//! Every kind of RPC behind the guard.

use gatepost::{Policy, Rule, Token, WithToken};
use tokio_stream::{StreamExt as _, iter, pending};
use tonic::Status;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{CHAT, GATHER, ProbeClient, Refused, WATCH, World};

fn bearing(token: &str) -> WithToken {
    WithToken::new(&Token::parse(token).unwrap())
}

fn words() -> impl tokio_stream::Stream<Item = String> + Send + 'static {
    iter(["never", "walk", "alone"]).map(str::to_owned)
}

/// C23: unary and server-streaming methods need a token.
#[tokio::test]
async fn unary_and_server_streaming_need_a_token() {
    let world = World::start(Policy::closed()).await;
    let channel = world.server.channel().await;
    let mut anonymous = HealthClient::new(channel.clone());
    Refused::TOKEN_MISSING.is(&anonymous.check(HealthCheckRequest::default()).await.unwrap_err());
    Refused::TOKEN_MISSING.is(&anonymous.watch(HealthCheckRequest::default()).await.unwrap_err());
    let mut expired = HealthClient::with_interceptor(channel.clone(), bearing("expired"));
    Refused::TOKEN_EXPIRED.is(&expired.watch(HealthCheckRequest::default()).await.unwrap_err());
    assert_eq!(world.server.inside.paths(), [""; 0]);

    let mut ada = HealthClient::with_interceptor(channel, bearing("good"));
    let checked = ada.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(checked.status, ServingStatus::Serving as i32);
    let mut watched = ada.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::Serving as i32);
}

/// C23: client-streaming and bidirectional methods need a token.
#[tokio::test]
async fn client_and_bidirectional_streaming_need_a_token() {
    let world = World::start(Policy::closed()).await;
    let channel = world.server.channel().await;
    let mut anonymous = ProbeClient::new(channel.clone());
    Refused::TOKEN_MISSING.is(&anonymous.gather(words()).await.unwrap_err());
    Refused::TOKEN_MISSING.is(&anonymous.chat(words()).await.unwrap_err());
    assert_eq!(world.server.inside.paths(), [""; 0]);

    let mut ada = ProbeClient::new(tonic::service::interceptor::InterceptedService::new(channel, bearing("good")));
    assert_eq!(ada.gather(words()).await.unwrap(), "never walk alone");
    let answers: Result<Vec<_>, Status> = ada.chat(words()).await.unwrap().collect().await;
    assert_eq!(answers.unwrap(), ["ada: never", "ada: walk", "ada: alone"]);
    assert_eq!(world.server.inside.paths(), [GATHER, CHAT]);
}

#[tokio::test]
async fn open_request_stream_is_refused_at_once() {
    let world = World::start(Policy::closed().rule(CHAT, Rule::role("seller"))).await;
    let channel = world.server.channel().await;
    Refused::TOKEN_MISSING.is(&ProbeClient::new(channel.clone()).gather(pending()).await.unwrap_err());
    let mut ada = ProbeClient::new(tonic::service::interceptor::InterceptedService::new(channel, bearing("good")));
    Refused::NOT_ALLOWED.is(&ada.chat(pending()).await.unwrap_err());
}

/// C24: a stream does not open without an introspection.
#[tokio::test]
async fn stream_needs_an_introspection_to_open() {
    let world = World::start(Policy::closed().rule(WATCH, Rule::Optional)).await;
    world.auth.fall_silent();
    let channel = world.server.channel().await;
    let mut ada = HealthClient::with_interceptor(channel, bearing("good"));
    Refused::AUTH_UNAVAILABLE.is(&ada.watch(HealthCheckRequest::default()).await.unwrap_err());
    assert_eq!(world.server.inside.paths(), [""; 0]);
}
