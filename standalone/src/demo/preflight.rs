//! Checks before the demo, so that a wrong URL gives one sentence instead of forty refusals.

use gatepost::tls::ClientTls;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::compare::reason;
use super::error::DemoError;
use super::services::{DemoService, DemoServices};

/// Method of a registration.
const REGISTER_METHOD: &str = "gatepost.auth.v1.UserService/CreateUser";

/// Registration that is only validated, and creates no user.
const VALIDATE_ONLY_REQUEST: &str =
    r#"{"name":"Nobody","email":"nobody@example.com","password":"","validate_only":true}"#;

/// Checks that both URLs lead to the right service, and that registration is open.
pub(super) async fn check(services: &DemoServices) -> Result<(), DemoError> {
    serves(&services.auth, "auth service", "gatepost.auth.v1.UserService").await?;
    serves(&services.blog, "blog service", "gatepost.blog.v1.PostService").await?;
    match services.call(REGISTER_METHOD, None, VALIDATE_ONLY_REQUEST).await {
        Err(status) if matches!(reason(&status).as_str(), "TOKEN_MISSING" | "NOT_ALLOWED") => {
            Err(DemoError::Closed(services.auth.place.url()))
        }
        _ => Ok(()),
    }
}

async fn serves(service: &DemoService, wanted: &'static str, name: &str) -> Result<(), DemoError> {
    let question = HealthCheckRequest { service: name.to_owned() };
    let answer = HealthClient::new(service.channel.clone()).check(question).await;
    let Err(status) = answer else { return Ok(()) };
    Err(match service.tls.as_ref().and_then(ClientTls::last_fault) {
        Some(fault) => DemoError::Tls(service.place.url(), fault),
        None if status.code() == Code::Unavailable => DemoError::Unreachable(service.place.url()),
        None => DemoError::Stranger { url: service.place.url(), wanted },
    })
}
