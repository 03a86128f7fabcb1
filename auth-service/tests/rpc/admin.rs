//! Admin calls: set roles, disable a user, enable one again.

use gatepost::api::auth::v1::{
    DisableUserRequest, EnableUserRequest, SetUserRolesRequest, TokenState, User, UserState, VerifyTokenRequest,
};
use testkit::Outsider;
use tonic::{Code, Status};

use super::support::{
    ADMIN, Account, EMAIL, PASSWORD, Service, Settings, bad_fields, refused, start_in, start_with, with_token,
};

const STALE: &str = "etag: the resource has changed since it was read, read it again and retry";
const ABSENT: &str = "01900000-0000-7000-8000-0000000000ff";

async fn with_admin() -> (Service, Account, Account) {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let (admin, ada) = (service.admin().await, service.account(EMAIL).await);
    (service, admin, ada)
}

async fn disable(service: &Service, token: &str, id: &str, etag: &str) -> Result<User, Status> {
    let request = DisableUserRequest { id: id.into(), etag: etag.into() };
    Ok(service.users().disable_user(with_token(request, token)).await?.into_inner().user.unwrap())
}

async fn enable(service: &Service, token: &str, id: &str, etag: &str) -> Result<User, Status> {
    let request = EnableUserRequest { id: id.into(), etag: etag.into() };
    Ok(service.users().enable_user(with_token(request, token)).await?.into_inner().user.unwrap())
}

/// Returns the roles in a token's claims.
async fn roles(service: &Service, token: &str) -> Vec<String> {
    let answer = service.tokens().verify_token(VerifyTokenRequest { token: token.into() }).await.unwrap();
    answer.into_inner().claims.unwrap().roles
}

/// A new role appears in the user's next token. The loss of a role kills all earlier tokens of the user.
#[tokio::test]
async fn role_loss_kills_tokens_role_gain_does_not() {
    let (service, admin, ada) = with_admin().await;
    let user = service.set_roles(&admin, &ada.id, &["editor", "seller"]).await.unwrap();
    assert_eq!((user.roles.as_slice(), user.etag.as_str()), (&["editor".to_owned(), "seller".into()][..], "r2"));
    assert_eq!(service.state(&ada.token).await, TokenState::Active, "a new role kills no token");
    assert!(roles(&service, &ada.token).await.is_empty());
    let editor = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    assert_eq!(roles(&service, &editor).await, ["editor", "seller"]);

    service.set_roles(&admin, &ada.id, &["seller"]).await.unwrap();
    for token in [&ada.token, &editor] {
        assert_eq!(service.state(token).await, TokenState::Revoked);
    }
    let seller = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    assert_eq!(roles(&service, &seller).await, ["seller"]);
    let sessions = gatepost::api::auth::v1::ListSessionsRequest::default();
    let sessions = service.sessions().list_sessions(with_token(sessions, &seller)).await.unwrap().into_inner();
    assert_eq!(sessions.sessions.len(), 3, "the sessions live on");

    let same = service.set_roles(&admin, &ada.id, &["seller"]).await.unwrap();
    assert_eq!(same.etag, "r3", "the same roles change nothing");
}

#[tokio::test]
async fn demoted_admin_is_refused_at_once() {
    let (service, admin, ada) = with_admin().await;
    service.set_roles(&admin, &ada.id, &["admin"]).await.unwrap();
    let second = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    let second = Account { id: ada.id.clone(), user: ada.user.clone(), token: second };
    service.set_roles(&second, &ada.id, &["admin", "editor"]).await.unwrap();
    service.set_roles(&admin, &ada.id, &[]).await.unwrap();
    let status = service.set_roles(&second, &ada.id, &["admin"]).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_REVOKED", "invalid token");
}

#[tokio::test]
async fn set_roles_checks_names_and_etag() {
    let (service, admin, ada) = with_admin().await;
    for bad in [&["Admin"][..], &["a", "a"], &["service"], &[""], &["a b"]] {
        assert_eq!(bad_fields(&service.set_roles(&admin, &ada.id, bad).await.unwrap_err()), ["roles"], "{bad:?}");
    }
    let set = |id: &str, etag: &str| {
        let request = SetUserRolesRequest { id: id.into(), roles: vec!["editor".into()], etag: etag.into() };
        let request = with_token(request, &admin.token);
        let mut users = service.users();
        async move { users.set_user_roles(request).await.map(drop) }
    };
    let status = set(ABSENT, "").await.unwrap_err();
    refused(&status, Code::NotFound, "USER_NOT_FOUND", "user not found");
    let status = set(&ada.id, "r9").await.unwrap_err();
    refused(&status, Code::Aborted, "ETAG_MISMATCH", STALE);
    set(&ada.id, "r1").await.unwrap();
    let status = service.set_roles(&ada, &ada.id, &["admin"]).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
}

/// C38: a disabled user is admitted only after being enabled and logging in again.
#[tokio::test]
async fn disabled_user_is_out_until_enabled_and_logged_in() {
    let (service, admin, ada) = with_admin().await;
    let user = disable(&service, &admin.token, &ada.id, "r1").await.unwrap();
    assert_eq!((user.state(), user.etag.as_str()), (UserState::Disabled, "r2"));
    assert_eq!(service.state(&ada.token).await, TokenState::UserDisabled);
    let status = disable(&service, &ada.token, "me", "").await.unwrap_err();
    refused(&status, Code::Unauthenticated, "USER_DISABLED", "user is disabled, bad token");
    let status = service.login(EMAIL, PASSWORD).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
    assert_eq!(disable(&service, &admin.token, &ada.id, "").await.unwrap(), user, "a repetition changes nothing");

    let user = enable(&service, &admin.token, &ada.id, "r2").await.unwrap();
    assert_eq!((user.state(), user.etag.as_str()), (UserState::Active, "r3"));
    assert_eq!(service.state(&ada.token).await, TokenState::Revoked, "ended tokens stay dead");
    assert!(service.login(EMAIL, PASSWORD).await.is_ok());
    assert_eq!(enable(&service, &admin.token, &ada.id, "").await.unwrap(), user);
    for stale in
        [disable(&service, &admin.token, &ada.id, "r1").await, enable(&service, &admin.token, &ada.id, "r1").await]
    {
        refused(&stale.unwrap_err(), Code::Aborted, "ETAG_MISMATCH", STALE);
    }
    let status = enable(&service, &admin.token, ABSENT, "").await.unwrap_err();
    refused(&status, Code::NotFound, "USER_NOT_FOUND", "user not found");
}

/// Starts the service again, on the same data and with the same settings.
async fn restarted(service: Service) -> Service {
    let (folder, clock) = service.stop().await;
    start_in(folder, clock, Settings { admin: true, ..Settings::default() }).await
}

/// The service starts, whatever happened to the first admin's account.
#[tokio::test]
async fn first_admin_setting_never_prevents_a_start() {
    let (service, admin, ada) = with_admin().await;
    service.set_roles(&admin, &ada.id, &["admin"]).await.unwrap();
    // The first admin was deleted while another admin exists. It is not created again.
    let delete = gatepost::api::auth::v1::DeleteUserRequest { id: "me".into(), etag: String::new() };
    service.users().delete_user(with_token(delete, &admin.token)).await.unwrap();
    let service = restarted(service).await;
    assert_eq!(service.login(ADMIN, PASSWORD).await.unwrap_err().code(), Code::Unauthenticated);
    // Now the address belongs to another user, whose account stays unchanged.
    service.register(ADMIN).await.unwrap();
    let service = restarted(service).await;
    assert!(service.login(ADMIN, PASSWORD).await.unwrap().user.unwrap().roles.is_empty());
    // An earlier version could leave the database without an admin. The service does not promote the user who has the
    // address now.
    let mut outsider = Outsider::open(service.database()).await;
    outsider.run("delete from user_roles").await;
    outsider.run("update users set roles = ''").await;
    outsider.close().await;
    let service = restarted(service).await;
    let stranger = service.login(ADMIN, PASSWORD).await.unwrap();
    assert!(stranger.user.unwrap().roles.is_empty());
    // The address is free: the operator gets an admin again.
    let token = stranger.tokens.unwrap().access_token;
    let delete = gatepost::api::auth::v1::DeleteUserRequest { id: "me".into(), etag: String::new() };
    service.users().delete_user(with_token(delete, &token)).await.unwrap();
    let service = restarted(service).await;
    assert_eq!(service.login(ADMIN, PASSWORD).await.unwrap().user.unwrap().roles, ["admin"]);
}
