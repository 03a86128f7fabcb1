//! Health checks: each service is `SERVING` once the server has started, even before its first call.

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::start;

#[tokio::test]
async fn health_answers_for_the_server_and_each_service() {
    let service = start().await;
    let mut health = HealthClient::new(service.channel.clone());
    for name in ["", "gatepost.auth.v1.AuthService", "gatepost.auth.v1.TokenService", "gatepost.auth.v1.UserService"] {
        let answer = health.check(HealthCheckRequest { service: name.into() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
    }
}
