//! What must be true before the story can be told, so that a wrong URL is one sentence and not forty refusals.

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::error::DemoError;
use super::judge::reason;
use super::services::{Service, Services};

/// The service is asked whether somebody could register, and makes nobody.
const REGISTER: &str = "gatepost.auth.v1.UserService/CreateUser";
const NOBODY: &str = r#"{"name":"Nobody","email":"nobody@example.com","password":"","validate_only":true}"#;

/// Checks that both services are there, that each is the right one, and that registration is open.
pub(super) async fn check(services: &Services) -> Result<(), DemoError> {
    serves(&services.auth, "auth service", "gatepost.auth.v1.UserService").await?;
    serves(&services.blog, "blog service", "gatepost.blog.v1.PostService").await?;
    match services.call(REGISTER, None, NOBODY).await {
        Err(status) if matches!(reason(&status).as_str(), "TOKEN_MISSING" | "NOT_ALLOWED") => {
            Err(DemoError::Closed(services.auth.place.url()))
        }
        _ => Ok(()),
    }
}

async fn serves(service: &Service, wanted: &'static str, name: &str) -> Result<(), DemoError> {
    let question = HealthCheckRequest { service: name.to_owned() };
    let answer = HealthClient::new(service.channel.clone()).check(question).await;
    match answer {
        Ok(_) => Ok(()),
        Err(status) if status.code() == Code::Unavailable => Err(DemoError::Unreachable(service.place.url())),
        Err(_) => Err(DemoError::Stranger { url: service.place.url(), wanted }),
    }
}
