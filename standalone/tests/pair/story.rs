//! One user's calls over the wire: register, post, read, be refused, log out, restart.

use super::support::{Outcome, PASSWORD, Pair, folder};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, GetPostRequest, ListPostsRequest, get_post_request};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, GetMeRequest, LoginRequest, LogoutRequest, TokenPair};
use gatepost::{Token, WithToken};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

pub(super) const EMAIL: &str = "ada@example.com";

pub(super) fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

pub(super) fn posts(pair: &Pair, token: &str) -> PostServiceClient<InterceptedService<Channel, WithToken>> {
    let token = Token::parse(token).unwrap();
    PostServiceClient::with_interceptor(channel(&pair.blog), WithToken::new(&token))
}

pub(super) fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("api-token", token.parse().unwrap());
    request
}

pub(super) async fn register(pair: &Pair) -> Result<String, Status> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: EMAIL.into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let answer = UserServiceClient::new(channel(&pair.auth)).create_user(request).await?.into_inner();
    Ok(answer.tokens.unwrap().access_token)
}

pub(super) async fn login(pair: &Pair) -> Result<String, Status> {
    Ok(session(pair).await?.access_token)
}

pub(super) async fn session(pair: &Pair) -> Result<TokenPair, Status> {
    let request = LoginRequest { email: EMAIL.to_uppercase(), password: PASSWORD.into(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(channel(&pair.auth)).login(request).await?.into_inner();
    Ok(answer.tokens.unwrap())
}

pub(super) fn hello() -> CreatePostRequest {
    CreatePostRequest { title: "Hello".into(), content: "First post.".into(), ..CreatePostRequest::default() }
}

#[track_caller]
fn refused(status: &Status, code: Code, reason: &str, message: &str) {
    let info = status.get_details_error_info().expect("every status has ErrorInfo");
    assert_eq!((status.code(), info.reason.as_str(), status.message()), (code, reason, message));
    assert_eq!(info.domain, "auth.gatepost.dev");
}

#[tokio::test(flavor = "multi_thread")]
async fn register_post_read_log_out_and_be_refused() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    let token = register(&pair).await?;

    let me = UserServiceClient::new(channel(&pair.auth)).get_me(with_token(GetMeRequest {}, &token)).await?;
    let me = me.into_inner().user.unwrap();
    assert_eq!((me.name.as_str(), me.email.as_str(), me.etag.as_str()), ("Ada", EMAIL, "r1"));

    let mut mine = posts(&pair, &token);
    let post = mine.create_post(hello()).await?.into_inner().post.unwrap();
    assert_eq!((post.owner_id.as_str(), post.title.as_str(), post.revision), (me.id.as_str(), "Hello", 1));
    let wanted = GetPostRequest { post: Some(get_post_request::Post::Id(post.id.clone())), view: 0 };
    assert_eq!(mine.get_post(wanted).await?.into_inner().post.unwrap(), post);
    let listed = mine.list_posts(ListPostsRequest::default()).await?.into_inner();
    assert_eq!((listed.posts.len(), listed.posts[0].content.as_str()), (1, ""), "a list has no content");

    let other = login(&pair).await?;
    AuthServiceClient::new(channel(&pair.auth)).logout(with_token(LogoutRequest {}, &token)).await?;
    let status = mine.list_posts(ListPostsRequest::default()).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_REVOKED", "invalid token");
    let status = AuthServiceClient::new(channel(&pair.auth)).logout(with_token(LogoutRequest {}, &token)).await;
    refused(&status.unwrap_err(), Code::Unauthenticated, "TOKEN_REVOKED", "invalid token");
    assert!(posts(&pair, &other).list_posts(ListPostsRequest::default()).await.is_ok(), "other sessions stay");
    pair.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_forged_tokens_are_refused() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    let token = register(&pair).await?;
    let status = PostServiceClient::new(channel(&pair.blog)).create_post(hello()).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
    let (message, signature) = token.rsplit_once('.').unwrap();
    let forged: String = signature.chars().rev().collect();
    for bad in [format!("{message}.{forged}"), format!("{message}."), "garbled".to_owned()] {
        let status = posts(&pair, &bad).create_post(hello()).await.unwrap_err();
        refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    }
    pair.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_token_is_refused_by_both_services() -> Outcome {
    const SECRET: &str = "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c";
    let folder = folder();
    let pair = Pair::start(folder.path(), &[("JWT_SECRET_KEY", SECRET)]);
    let token = register(&pair).await?;
    // The genuine token with an hour of life that ended a minute ago, signed with the pair's own secret.
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1])?)?;
    let now = claims["iat"].as_i64().unwrap();
    (claims["iat"], claims["nbf"], claims["exp"]) = (json!(now - 3660), json!(now - 3660), json!(now - 60));
    let message = format!("{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(message.as_bytes());
    let expired = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));

    let status = posts(&pair, &expired).create_post(hello()).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_EXPIRED", "invalid token");
    let status = UserServiceClient::new(channel(&pair.auth)).get_me(with_token(GetMeRequest {}, &expired)).await;
    refused(&status.unwrap_err(), Code::Unauthenticated, "TOKEN_EXPIRED", "invalid token");
    assert!(posts(&pair, &token).create_post(hello()).await.is_ok());
    pair.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_hashed_at_the_lowest_priority() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    // The thread that has hashed this password set its priority first.
    register(&pair).await?;
    let priorities = pair.priorities("hashing");
    assert!(priorities.contains(&19), "{priorities:?}");
    let others = pair.priorities("tokio");
    assert!(!others.is_empty() && !others.contains(&19), "threads that answer calls keep their priority: {others:?}");
    pair.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_survives_a_restart() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    let token = register(&pair).await?;
    let ended = login(&pair).await?;
    AuthServiceClient::new(channel(&pair.auth)).logout(with_token(LogoutRequest {}, &ended)).await?;
    let post = posts(&pair, &token).create_post(hello()).await?.into_inner().post.unwrap();
    pair.stop();

    let pair = Pair::start(folder.path(), &[]);
    let listed = posts(&pair, &token).list_posts(ListPostsRequest::default()).await?.into_inner();
    assert_eq!(listed.posts[0].id, post.id, "the token and the post survive");
    let status = posts(&pair, &ended).list_posts(ListPostsRequest::default()).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_REVOKED", "invalid token");
    login(&pair).await?;
    pair.stop();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn public_reads_need_no_token_and_writes_do() -> Outcome {
    let folder = folder();
    let pair = Pair::start(folder.path(), &[("BLOG_PUBLIC_READS", "true")]);
    let token = register(&pair).await?;
    posts(&pair, &token).create_post(hello()).await?;
    let mut anonymous = PostServiceClient::new(channel(&pair.blog));
    assert_eq!(anonymous.list_posts(ListPostsRequest::default()).await?.into_inner().posts.len(), 1);
    let status = anonymous.create_post(hello()).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
    let status = posts(&pair, "garbled").list_posts(ListPostsRequest::default()).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    pair.stop();
    Ok(())
}

/// With closed registration admins create users, and do not get their tokens.
#[tokio::test(flavor = "multi_thread")]
async fn closed_registration_hides_tokens_from_admins() -> Outcome {
    let folder = folder();
    let settings = [
        ("AUTH_REGISTRATION", "closed"),
        ("AUTH_ADMIN_EMAIL", "root@example.com"),
        ("AUTH_ADMIN_PASSWORD", PASSWORD),
        ("JWT_SECRET_KEY", "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c"),
    ];
    let pair = Pair::start(folder.path(), &settings);
    let status = register(&pair).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
    let request =
        LoginRequest { email: "root@example.com".into(), password: PASSWORD.into(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(channel(&pair.auth)).login(request).await?.into_inner();
    assert_eq!(answer.user.unwrap().roles, ["admin"]);
    let admin = answer.tokens.unwrap().access_token;
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: EMAIL.into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let mut users = UserServiceClient::new(channel(&pair.auth));
    let created = users.create_user(with_token(request.clone(), &admin)).await?.into_inner();
    assert_eq!(created.tokens, None);
    let ada = login(&pair).await?;
    let status = users.create_user(with_token(request, &ada)).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    pair.stop();
    // A restart with the same settings finds the admin it created.
    Pair::start(folder.path(), &settings).stop();
    Ok(())
}
