//! Calls of a running auth service: register, and check a token.

use std::time::Duration;

use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, TokenState, VerifyTokenRequest};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use super::pair::PASSWORD;

fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// Returns a request with a longer deadline than the service's own: passwords are hashed at the lowest priority, and a
/// test may run next to others.
fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_mins(1));
    request
}

/// Registers a user and returns its token.
pub(super) async fn register(address: &str) -> String {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: "ada@example.com".into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let answer =
        UserServiceClient::new(channel(address)).create_user(with_deadline(request)).await.unwrap().into_inner();
    answer.tokens.unwrap().access_token
}

/// Returns `true` if the service accepts the token.
pub(super) async fn is_active(address: &str, token: &str) -> bool {
    let request = VerifyTokenRequest { token: token.to_owned() };
    let answer =
        TokenServiceClient::new(channel(address)).verify_token(with_deadline(request)).await.unwrap().into_inner();
    answer.state() == TokenState::Active
}
