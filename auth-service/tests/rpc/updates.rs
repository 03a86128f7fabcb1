//! User updates: masks, etags, the password for an email change, and deletion of an account.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::{
    DeleteUserRequest, GetUserRequest, TokenState, UpdateUserRequest, User, UserPatch, VerifyTokenRequest,
};
use prost_types::FieldMask;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::support::{
    ADMIN, Account, EMAIL, PASSWORD, Service, Settings, bad_fields, refused, start, start_with, with_token,
};

const STALE: &str = "etag: the resource has changed since it was read, read it again and retry";
const TAKEN: &str = "User already exists, please supply another email address";

async fn update(service: &Service, token: &str, request: UpdateUserRequest) -> Result<User, Status> {
    Ok(service.users().update_user(with_token(request, token)).await?.into_inner().user.unwrap())
}

/// Returns a change of the caller's own name or email.
fn me(name: Option<&str>, email: Option<&str>) -> UpdateUserRequest {
    let patch = UserPatch { name: name.map(Into::into), email: email.map(Into::into) };
    UpdateUserRequest { id: "me".into(), patch: Some(patch), ..UpdateUserRequest::default() }
}

fn masked(request: UpdateUserRequest, paths: &[&str]) -> UpdateUserRequest {
    let paths = paths.iter().map(ToString::to_string).collect();
    UpdateUserRequest { update_mask: Some(FieldMask { paths }), ..request }
}

#[tokio::test]
async fn name_change_leaves_everything_else() {
    let service = start().await;
    let ada = service.account(EMAIL).await;
    service.clock.advance(Duration::from_secs(5));
    let changed = update(&service, &ada.token, me(Some("Ada L."), None)).await.unwrap();
    let later = std::time::SystemTime::from(testkit::start() + Duration::from_secs(5));
    let wanted = User { name: "Ada L.".into(), etag: "r2".into(), update_time: Some(later.into()), ..ada.user };
    assert_eq!(changed, wanted);
    let read = GetUserRequest { id: ada.id };
    let read = service.users().get_user(with_token(read, &ada.token)).await.unwrap().into_inner();
    assert_eq!(read.user, Some(wanted));
    assert_eq!(service.state(&ada.token).await, TokenState::Active, "a new name ends no session");
}

#[tokio::test]
async fn update_mask_selects_fields() {
    let service = start().await;
    let ada = service.account(EMAIL).await;
    let both = me(Some("Ada L."), Some("not an address"));
    let changed = update(&service, &ada.token, masked(both, &["name"])).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.email.as_str()),
        ("Ada L.", EMAIL),
        "fields outside the mask are not read"
    );
    for (paths, fields) in [
        (&["*"][..], vec!["update_mask"]),
        (&["id"], vec!["update_mask"]),
        (&["roles"], vec!["update_mask"]),
        (&["patch.name"], vec!["update_mask"]),
        (&["name", "name"], vec!["update_mask"]),
        // The mask names a field that the patch lacks. This would clear the field, which its rule forbids.
        (&["email"], vec!["patch.email", "current_password"]),
    ] {
        let status = update(&service, &ada.token, masked(me(Some("Ada"), None), paths)).await.unwrap_err();
        assert_eq!(bad_fields(&status), fields, "{paths:?}");
    }
    for nothing in [me(None, None), UpdateUserRequest { id: "me".into(), ..UpdateUserRequest::default() }] {
        assert_eq!(bad_fields(&update(&service, &ada.token, nothing).await.unwrap_err()), ["patch"]);
    }
    let all = UpdateUserRequest { id: "x".into(), ..me(Some("a\nb"), Some("nobody")) };
    let status = update(&service, &ada.token, all).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["id", "patch.name", "patch.email", "current_password"]);
}

#[tokio::test]
async fn email_change_needs_the_password() {
    let service = start().await;
    let ada = service.account(EMAIL).await;
    service.account("bob@example.com").await;
    let to =
        |email: &str, password: &str| UpdateUserRequest { current_password: password.into(), ..me(None, Some(email)) };
    let status = update(&service, &ada.token, to("new@example.com", "")).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["current_password"]);
    let status = update(&service, &ada.token, to("new@example.com", "a wrong password")).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
    let status = update(&service, &ada.token, to("BOB@example.com", PASSWORD)).await.unwrap_err();
    refused(&status, Code::AlreadyExists, "EMAIL_TAKEN", TAKEN);
    // The user's own address in another form is not taken.
    assert_eq!(update(&service, &ada.token, to("ADA@example.com", PASSWORD)).await.unwrap().email, "ADA@example.com");
    assert_eq!(update(&service, &ada.token, to("new@example.com", PASSWORD)).await.unwrap().email, "new@example.com");
    assert!(service.login("new@example.com", PASSWORD).await.is_ok());
    assert!(service.register(EMAIL).await.is_ok(), "the old address is free");
}

/// An admin changes other users. To change their email, the admin gives the admin's own password.
#[tokio::test]
async fn admin_changes_others_and_proves_own_password() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let (admin, ada) = (service.admin().await, service.account(EMAIL).await);
    let of = |account: &Account, request: UpdateUserRequest| UpdateUserRequest { id: account.id.clone(), ..request };
    let bob = service.account("bob@example.com").await;
    let status = update(&service, &bob.token, of(&ada, me(Some("Eve"), None))).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    assert_eq!(update(&service, &admin.token, of(&ada, me(Some("Ada L."), None))).await.unwrap().name, "Ada L.");
    let email = UpdateUserRequest { current_password: PASSWORD.into(), ..me(None, Some("new@example.com")) };
    assert_eq!(update(&service, &admin.token, of(&ada, email)).await.unwrap().email, "new@example.com");
    let absent = UpdateUserRequest { id: "01900000-0000-7000-8000-0000000000ff".into(), ..me(Some("Eve"), None) };
    for token in [&admin.token, &bob.token] {
        let status = update(&service, token, absent.clone()).await.unwrap_err();
        refused(&status, Code::NotFound, "USER_NOT_FOUND", "user not found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_changes_with_one_etag_wins() {
    let service = Arc::new(start().await);
    let ada = service.account(EMAIL).await;
    let mut all = JoinSet::new();
    for number in 0..20 {
        let (service, token) = (Arc::clone(&service), ada.token.clone());
        let request = UpdateUserRequest { etag: ada.user.etag.clone(), ..me(Some(&format!("Ada {number}")), None) };
        all.spawn(async move { update(&service, &token, request).await });
    }
    let mut won = 0;
    while let Some(answer) = all.join_next().await {
        match answer.unwrap() {
            Ok(user) => won += usize::from(user.etag == "r2"),
            Err(status) => refused(&status, Code::Aborted, "ETAG_MISMATCH", STALE),
        }
    }
    assert_eq!(won, 1);
    let foreign = UpdateUserRequest { etag: "not an etag of this service".into(), ..me(Some("Ada"), None) };
    let status = update(&service, &ada.token, foreign).await.unwrap_err();
    refused(&status, Code::Aborted, "ETAG_MISMATCH", STALE);
}

/// C38: a deleted user's tokens are dead, and the email is free.
#[tokio::test]
async fn deleted_users_tokens_die_and_email_is_free() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let (admin, ada) = (service.admin().await, service.account(EMAIL).await);
    let second = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    let delete = |id: &str, etag: &str, token: &str| {
        let request = with_token(DeleteUserRequest { id: id.into(), etag: etag.into() }, token);
        let mut users = service.users();
        async move { users.delete_user(request).await.map(drop) }
    };
    let bob = service.account("bob@example.com").await;
    let status = delete(&ada.id, "", &bob.token).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    let status = delete("me", "r7", &ada.token).await.unwrap_err();
    refused(&status, Code::Aborted, "ETAG_MISMATCH", STALE);
    delete("me", &ada.user.etag, &ada.token).await.unwrap();
    for token in [&ada.token, &second] {
        assert_eq!(service.state(token).await, TokenState::UserDeleted);
        let status = delete("me", "", token).await.unwrap_err();
        refused(&status, Code::Unauthenticated, "USER_DELETED", "user does not exist, bad token");
    }
    let status = service.login(EMAIL, PASSWORD).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
    let status = delete(&ada.id, "", &admin.token).await.unwrap_err();
    refused(&status, Code::NotFound, "USER_NOT_FOUND", "user not found");
    let again = service.account(EMAIL).await;
    assert_ne!(again.id, ada.id);
    assert_eq!(
        service.state(&ada.token).await,
        TokenState::UserDeleted,
        "a new user with the same email revives no token"
    );
    delete(&again.id, "", &admin.token).await.unwrap();
    assert!(service.login(ADMIN, PASSWORD).await.is_ok());
    let answer = service.tokens().verify_token(VerifyTokenRequest { token: again.token }).await.unwrap().into_inner();
    assert_eq!((answer.state(), answer.claims), (TokenState::UserDeleted, None));
}
