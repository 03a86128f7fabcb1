//! Calls of the services in these tests: users, posts and the state of tokens.

use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, ListPostsRequest};
use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateApiKeyRequest, CreateUserRequest, LoginRequest, TokenState, VerifyTokenRequest};
use gatepost::{Token, WithToken};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::pair::PASSWORD;

/// Settings of the first admin.
pub(super) const ADMIN: [(&str, &str); 2] =
    [("AUTH_ADMIN_EMAIL", "root@example.com"), ("AUTH_ADMIN_PASSWORD", PASSWORD)];

fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// Returns a request with a longer deadline than the service's own: a test may run next to others.
fn patient<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_mins(1));
    request
}

/// Registers a user and returns its token.
pub(super) async fn register(auth: &str, email: &str) -> String {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: email.into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let answer = UserServiceClient::new(channel(auth)).create_user(patient(request)).await.unwrap().into_inner();
    answer.tokens.unwrap().access_token
}

/// Logs in and returns the token.
pub(super) async fn log_in(auth: &str, email: &str) -> Result<String, Status> {
    let request = LoginRequest { email: email.into(), password: PASSWORD.into(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(channel(auth)).login(patient(request)).await?.into_inner();
    Ok(answer.tokens.unwrap().access_token)
}

/// Logs in as the admin of [`ADMIN`], and returns the secret of a new API key.
pub(super) async fn api_key(auth: &str) -> String {
    let admin = WithToken::new(&Token::parse(&log_in(auth, ADMIN[0].1).await.unwrap()).unwrap());
    let mut keys = ApiKeyServiceClient::with_interceptor(channel(auth), admin);
    let request = CreateApiKeyRequest { name: "Export".into(), ..CreateApiKeyRequest::default() };
    keys.create_api_key(patient(request)).await.unwrap().into_inner().secret
}

/// Returns the state of a token.
pub(super) async fn state(auth: &str, token: &str) -> TokenState {
    let request = VerifyTokenRequest { token: token.into() };
    TokenServiceClient::new(channel(auth)).verify_token(patient(request)).await.unwrap().into_inner().state()
}

/// Writes a post.
pub(super) async fn post(blog: &str, token: &str, title: &str) {
    let token = WithToken::new(&Token::parse(token).unwrap());
    let request = CreatePostRequest {
        title: title.into(),
        content: format!("Content of {title}."),
        ..CreatePostRequest::default()
    };
    let mut posts = PostServiceClient::with_interceptor(channel(blog), token);
    posts.create_post(patient(request)).await.unwrap();
}

/// Returns the posts, newest first, as `title: content`; or the reason of the refusal.
pub(super) async fn posts(blog: &str, token: &str) -> Result<Vec<String>, String> {
    let token = WithToken::new(&Token::parse(token).unwrap());
    let mut posts = PostServiceClient::with_interceptor(channel(blog), token);
    let request = ListPostsRequest { view: 2, ..ListPostsRequest::default() };
    match posts.list_posts(patient(request)).await {
        Ok(listed) => {
            Ok(listed.into_inner().posts.into_iter().map(|post| format!("{}: {}", post.title, post.content)).collect())
        }
        Err(status) => Err(status.get_error_details().error_info().unwrap().reason.clone()),
    }
}
