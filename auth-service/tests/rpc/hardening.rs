//! What every server of ours does with calls that are out of order.

use gatepost::api::auth::v1::CreateUserRequest;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::{PASSWORD, start};

#[tokio::test]
async fn health_answers_for_the_server_and_for_each_service() {
    let service = start().await;
    let mut health = HealthClient::new(service.channel.clone());
    for name in ["", "gatepost.auth.v1.AuthService", "gatepost.auth.v1.TokenService", "gatepost.auth.v1.UserService"] {
        let answer = health.check(HealthCheckRequest { service: name.into() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
    }
}

#[tokio::test]
async fn a_request_above_the_limit_is_refused() {
    let service = start().await;
    let request = CreateUserRequest {
        name: "a".repeat(300_000),
        email: "ada@example.com".into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let status = service.users().create_user(request).await.unwrap_err();
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status:?}");
}
