//! Data that users know before their databases move, and must find again afterwards.

use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, ListPostsRequest, Post, PostView};
use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateApiKeyRequest, CreateUserRequest, ListSessionsRequest, LoginRequest, LogoutRequest, Session,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::pair::PASSWORD;

const EMAIL: &str = "ada@example.com";

/// Settings of the first admin.
pub(super) const ADMIN: [(&str, &str); 2] =
    [("AUTH_ADMIN_EMAIL", "root@example.com"), ("AUTH_ADMIN_PASSWORD", PASSWORD)];

/// Addresses of the services.
pub(super) struct Places {
    pub(super) auth: String,
    pub(super) blog: String,
}

/// The data that users know.
pub(super) struct KnownData {
    live: String,
    dead: String,
    sessions: Vec<String>,
    first_page: Vec<Post>,
    page_token: String,
    second_page: Vec<Post>,
    repeated: (CreatePostRequest, Post),
}

fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    // Passwords are hashed at the lowest priority, and a test may run next to others.
    request.set_timeout(Duration::from_mins(1));
    if !token.is_empty() {
        request.metadata_mut().insert("api-token", token.parse().unwrap());
    }
    request
}

fn post(number: u32) -> CreatePostRequest {
    CreatePostRequest {
        title: format!("Número {number} — ☂"),
        content: format!("Line one\nline {number}\u{a0}\u{10ffff}"),
        request_id: format!("7c9e6679-7425-40de-944b-e07fc1f90a{number:02}"),
        ..CreatePostRequest::default()
    }
}

async fn page(places: &Places, token: &str, page_token: &str) -> Result<(Vec<Post>, String), Status> {
    let view = PostView::Full.into();
    let request =
        ListPostsRequest { page_size: 2, page_token: page_token.to_owned(), view, ..ListPostsRequest::default() };
    let page = PostServiceClient::new(channel(&places.blog)).list_posts(with(token, request)).await?.into_inner();
    Ok((page.posts, page.next_page_token))
}

async fn sessions(places: &Places, token: &str) -> Vec<String> {
    let request = with(token, ListSessionsRequest::default());
    let listed = SessionServiceClient::new(channel(&places.auth)).list_sessions(request).await.unwrap().into_inner();
    listed.sessions.iter().map(|session: &Session| format!("{session:?}")).collect()
}

pub(super) async fn login(places: &Places) -> String {
    let request = with("", LoginRequest { email: EMAIL.into(), password: PASSWORD.into(), ..LoginRequest::default() });
    let answer = AuthServiceClient::new(channel(&places.auth)).login(request).await.unwrap().into_inner();
    answer.tokens.unwrap().access_token
}

/// Logs in as the admin of [`ADMIN`], and returns the secret of a new API key.
pub(super) async fn api_key(places: &Places) -> String {
    let request = LoginRequest { email: ADMIN[0].1.into(), password: PASSWORD.into(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(channel(&places.auth)).login(with("", request)).await.unwrap().into_inner();
    let token = answer.tokens.unwrap().access_token;
    let request = CreateApiKeyRequest { name: "Export".into(), ..CreateApiKeyRequest::default() };
    let created = ApiKeyServiceClient::new(channel(&places.auth)).create_api_key(with(&token, request)).await;
    created.unwrap().into_inner().secret
}

/// Returns the number of posts that a service reads with this API key.
pub(super) async fn posts_by_key(places: &Places, key: &str) -> usize {
    page(places, key, "").await.unwrap().0.len()
}

impl KnownData {
    /// Registers, logs in twice and out once, fails to log in, and writes posts.
    pub(super) async fn create(places: &Places) -> Self {
        let request = CreateUserRequest {
            name: "Ada".into(),
            email: EMAIL.into(),
            password: PASSWORD.into(),
            ..CreateUserRequest::default()
        };
        let mut auth = AuthServiceClient::new(channel(&places.auth));
        UserServiceClient::new(channel(&places.auth)).create_user(with("", request)).await.unwrap();
        let (live, dead) = (login(places).await, login(places).await);
        auth.logout(with(&dead, LogoutRequest {})).await.unwrap();
        let wrong = LoginRequest { email: EMAIL.into(), password: "wrong".into(), ..LoginRequest::default() };
        auth.login(with("", wrong)).await.unwrap_err();
        let mut blog = PostServiceClient::new(channel(&places.blog));
        let mut last = None;
        for number in 0..5 {
            let created = blog.create_post(with(&live, post(number))).await.unwrap().into_inner().post.unwrap();
            last = Some((post(number), created));
        }
        let (first_page, page_token) = page(places, &live, "").await.unwrap();
        let (second_page, _) = page(places, &live, &page_token).await.unwrap();
        let sessions = sessions(places, &live).await;
        Self { live, dead, sessions, first_page, page_token, second_page, repeated: last.unwrap() }
    }

    /// Checks that all of it is found again.
    pub(super) async fn check(&self, places: &Places) {
        assert_eq!(page(places, &self.live, "").await.unwrap().0, self.first_page);
        assert_eq!(
            page(places, &self.live, &self.page_token).await.unwrap().0,
            self.second_page,
            "a list continues at its page token"
        );
        let refused = page(places, &self.dead, "").await.unwrap_err();
        assert_eq!(refused.get_details_error_info().unwrap().reason, "TOKEN_REVOKED");
        assert_eq!(sessions(places, &self.live).await, self.sessions);
        let (request, answer) = self.repeated.clone();
        let mut blog = PostServiceClient::new(channel(&places.blog));
        let again = blog.create_post(with(&self.live, request)).await.unwrap().into_inner().post.unwrap();
        assert_eq!(again, answer, "a repeated request gets the first answer");
    }
}
