//! API keys as credentials: their form, rights, states and audiences, and the events that they cause.

use std::time::Duration;

use gatepost::api::auth::v1::watch_revocations_request::Message as Ask;
use gatepost::api::auth::v1::{
    ApiKey, AuditEventFilter, AuditEventKind as Kind, ChangePasswordRequest, CreateApiKeyRequest, CreateApiKeyResponse,
    DeleteUserRequest, DisableUserRequest, GetMeRequest, ListUsersRequest, Resume, RevokeApiKeyRequest,
    SetUserRolesRequest, SubjectKind, TokenState, VerifyTokenRequest, VerifyTokenResponse,
};
use prost_types::Timestamp;
use tonic::{Code, Status};

use super::audit::{events, with_admin};
use super::support::{ADMIN, Account, EMAIL, PASSWORD, Service, Settings, refused, start_with, with_token};
use super::watch::Guard;

const NOT_ALLOWED: &str = "permission denied";

/// Returns a request for a key with these roles.
pub(super) fn with_roles(roles: &[&str]) -> CreateApiKeyRequest {
    let roles = roles.iter().map(ToString::to_string).collect();
    CreateApiKeyRequest { name: "Nightly export".into(), roles, ..CreateApiKeyRequest::default() }
}

/// Creates a key, as this admin.
pub(super) async fn create(
    service: &Service,
    admin: &Account,
    request: CreateApiKeyRequest,
) -> Result<(ApiKey, String), Status> {
    let created = service.api_keys().create_api_key(with_token(request, &admin.token)).await?;
    let CreateApiKeyResponse { api_key, secret } = created.into_inner();
    Ok((api_key.unwrap(), secret))
}

pub(super) async fn revoke(service: &Service, admin: &Account, id: &str) -> Result<ApiKey, Status> {
    let request = RevokeApiKeyRequest { id: id.into(), etag: String::new() };
    let revoked = service.api_keys().revoke_api_key(with_token(request, &admin.token)).await?;
    Ok(revoked.into_inner().api_key.unwrap())
}

pub(super) async fn verify(service: &Service, token: &str) -> VerifyTokenResponse {
    service.tokens().verify_token(VerifyTokenRequest { token: token.into() }).await.unwrap().into_inner()
}

/// Returns the time this many seconds after now.
pub(super) fn after(service: &Service, seconds: i64) -> Timestamp {
    Timestamp { seconds: service.clock.now().timestamp() + seconds, nanos: 0 }
}

async fn list_users(service: &Service, token: &str) -> Result<(), Status> {
    service.users().list_users(with_token(ListUsersRequest::default(), token)).await.map(drop)
}

#[tokio::test]
async fn key_calls_with_its_roles_as_a_service() {
    let (service, admin) = with_admin().await;
    let (key, secret) = create(&service, &admin, with_roles(&["editor", "seller"])).await.unwrap();
    let answer = verify(&service, &secret).await;
    assert_eq!(answer.state(), TokenState::Active);
    let claims = answer.claims.unwrap();
    assert_eq!((claims.subject_kind(), &claims.subject, claims.roles), (SubjectKind::Service, &key.id, key.roles));
    assert_eq!(claims.key_id, format!("gp_{}_1", key.id.replace('-', "")));
    assert_eq!(
        (claims.session_id, claims.expire_time, claims.audiences),
        (String::new(), None, vec!["gatepost".into()])
    );
    assert_eq!(answer.ttl.unwrap().seconds, 3600);
    list_users(&service, &secret).await.unwrap();
    // Calls that need a user refuse a service.
    let status = service.users().get_me(with_token(GetMeRequest {}, &secret)).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", NOT_ALLOWED);
    let change = ChangePasswordRequest { current_password: PASSWORD.into(), new_password: PASSWORD.into() };
    let status = service.users().change_password(with_token(change, &secret)).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", NOT_ALLOWED);
    let status = create(&service, &Account { token: secret, ..admin }, with_roles(&[])).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", NOT_ALLOWED);
}

#[tokio::test]
async fn key_with_the_admin_role_acts_as_an_admin() {
    let (service, admin) = with_admin().await;
    let ada = service.account(EMAIL).await;
    let (key, secret) = create(&service, &admin, with_roles(&["admin"])).await.unwrap();
    let request = SetUserRolesRequest { id: ada.id.clone(), roles: vec!["seller".into()], etag: String::new() };
    let user = service.users().set_user_roles(with_token(request, &secret)).await.unwrap().into_inner().user.unwrap();
    assert_eq!((user.email.as_str(), user.roles), (EMAIL, vec!["seller".to_owned()]));
    let filter = AuditEventFilter { actor: format!("api-key:{}", key.id), ..AuditEventFilter::default() };
    let events = events(&service, &admin, filter).await;
    let told: Vec<_> = events.iter().map(|event| (event.kind(), &event.subject)).collect();
    assert_eq!(told, [(Kind::RolesChanged, &ada.id)]);
    // A key cannot manage keys. Otherwise it could create a key that outlives it.
    let as_key = Account { token: secret.clone(), ..service.admin().await };
    for status in [
        create(&service, &as_key, with_roles(&["admin"])).await.unwrap_err(),
        revoke(&service, &as_key, &key.id).await.unwrap_err(),
    ] {
        refused(&status, Code::PermissionDenied, "NOT_ALLOWED", NOT_ALLOWED);
    }
    // A key does not count as an active admin, so the last admin cannot be disabled.
    let request = DisableUserRequest { id: admin.id.clone(), etag: String::new() };
    let status = service.users().disable_user(with_token(request, &secret)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn altered_and_unknown_secrets_are_invalid() {
    let (service, admin) = with_admin().await;
    let (key, secret) = create(&service, &admin, with_roles(&["editor"])).await.unwrap();
    let body = secret.strip_prefix(&format!("gp_{}_", key.id.replace('-', ""))).unwrap();
    assert!(body.len() == 49 && body.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{body}");
    let other = if secret.ends_with('0') { "1" } else { "0" };
    let checksum = format!("{}{other}", &secret[..secret.len() - 1]);
    // Right checksums: of another secret of this key, and of a key that does not exist.
    let id: auth_service::domain::ApiKeyId = key.id.parse().unwrap();
    let guessed = auth_service::tokens::ApiKeySecretText::new(id, [7; 32]).expose();
    let absent = auth_service::tokens::ApiKeySecretText::new(kit::ids::Ids::new(service.clock.clone()).next(), [7; 32]);
    for token in [checksum.as_str(), &guessed, &absent.expose(), &secret.to_uppercase(), &format!("{secret}0"), "gp_"] {
        let answer = verify(&service, token).await;
        assert_eq!((answer.state(), answer.claims), (TokenState::Invalid, None), "{token}");
        let status = list_users(&service, token).await.unwrap_err();
        refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    }
    assert_eq!(verify(&service, &secret).await.state(), TokenState::Active);
}

#[tokio::test]
async fn key_expires_to_the_second() {
    let (service, admin) = with_admin().await;
    let request = CreateApiKeyRequest { expire_time: Some(after(&service, 120)), ..with_roles(&[]) };
    let (key, secret) = create(&service, &admin, request).await.unwrap();
    service.clock.advance(Duration::from_secs(119));
    let answer = verify(&service, &secret).await;
    assert_eq!((answer.state(), answer.claims.unwrap().expire_time), (TokenState::Active, key.expire_time));
    assert!(answer.ttl.unwrap().seconds <= 1, "no answer outlives the key");
    service.clock.advance(Duration::from_secs(1));
    assert_eq!(verify(&service, &secret).await.state(), TokenState::Expired);
    let status = list_users(&service, &secret).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_EXPIRED", "invalid token");
}

#[tokio::test]
async fn key_outlives_the_admin_who_created_it() {
    let (service, admin) = with_admin().await;
    let ada = service.account(EMAIL).await;
    service.set_roles(&admin, &ada.id, &["admin"]).await.unwrap();
    let login = service.login(EMAIL, PASSWORD).await.unwrap();
    let ada = Account { token: login.tokens.unwrap().access_token, ..ada };
    let (key, secret) = create(&service, &ada, with_roles(&["editor"])).await.unwrap();
    let (mut users, etag) = (service.users(), String::new());
    let request = DisableUserRequest { id: ada.id.clone(), etag: etag.clone() };
    users.disable_user(with_token(request, &admin.token)).await.unwrap();
    assert_eq!(verify(&service, &secret).await.state(), TokenState::Active);
    users.delete_user(with_token(DeleteUserRequest { id: ada.id, etag }, &admin.token)).await.unwrap();
    assert_eq!(verify(&service, &secret).await.state(), TokenState::Active);
    revoke(&service, &admin, &key.id).await.unwrap();
    assert_eq!(verify(&service, &secret).await.state(), TokenState::Revoked);
}

#[tokio::test]
async fn key_is_good_only_for_its_audiences() {
    const APART: &[&str] = &["--audience", "blog,shop", "--own-audience", "auth"];
    let service = start_with(Settings { admin: true, flags: APART, ..Settings::default() }).await;
    let request = gatepost::api::auth::v1::LoginRequest {
        email: ADMIN.into(),
        password: PASSWORD.into(),
        audiences: vec!["auth".into()],
    };
    let tokens = service.auth().login(request).await.unwrap().into_inner().tokens.unwrap();
    let admin = Account { token: tokens.access_token, ..service.admin().await };
    let (key, secret) = create(&service, &admin, with_roles(&["editor"])).await.unwrap();
    assert!(key.audiences.is_empty(), "the default follows the settings");
    assert_eq!(verify(&service, &secret).await.claims.unwrap().audiences, ["blog", "shop"]);
    let status = list_users(&service, &secret).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    let request = CreateApiKeyRequest { audiences: vec!["auth".into(), "shop".into()], ..with_roles(&[]) };
    let (key, secret) = create(&service, &admin, request).await.unwrap();
    assert_eq!(verify(&service, &secret).await.claims.unwrap().audiences, key.audiences);
    list_users(&service, &secret).await.unwrap();
}

#[tokio::test]
async fn guard_with_a_key_hears_of_changes_until_its_end() {
    let (service, admin) = with_admin().await;
    let (guards, secret) = create(&service, &admin, with_roles(&["service"])).await.unwrap();
    let (_, other) = create(&service, &admin, with_roles(&["editor"])).await.unwrap();
    let resume = Ask::Resume(Resume::default());
    let status = Guard::begin(&service, &other, resume.clone()).await.err().unwrap();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", NOT_ALLOWED);
    let mut guard = Guard::begin(&service, &secret, resume).await.unwrap();
    guard.greeting().await;
    guard.reset().await;
    let (key, _) = create(&service, &admin, with_roles(&["editor"])).await.unwrap();
    let version = |key: &ApiKey, revision: u32| {
        Some(gatepost::api::auth::v1::revocation::Target::SigningKeyId(format!(
            "gp_{}_{revision}",
            key.id.replace('-', "")
        )))
    };
    assert_eq!(guard.revocation().await.target, version(&key, 0), "no guard knows a version before the first");
    revoke(&service, &admin, &key.id).await.unwrap();
    let entry = guard.revocation().await;
    assert_eq!(entry.target, version(&key, 1));
    assert!(!entry.keys.is_empty(), "guards get the signing keys again");
    revoke(&service, &admin, &guards.id).await.unwrap();
    let status = guard.end().await;
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
}
