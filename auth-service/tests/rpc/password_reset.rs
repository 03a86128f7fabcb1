//! Help for users who cannot log in: an admin sets a password, issues a code, or unlocks the account.

use std::time::Duration;

use gatepost::api::auth::v1::{
    AuditEventFilter, CompletePasswordResetRequest, DisableUserRequest, EnableUserRequest, GetUserRequest,
    ListUsersRequest, ResetPasswordRequest, ResetPasswordResponse, TokenPair, TokenState, UnlockUserRequest, User,
};
use tonic::{Code, Status};

use super::audit::events;
use super::support::{Account, EMAIL, PASSWORD, Service, Settings, bad_fields, refused, start_with, with_token};

const NEW: &str = "purple monkey dishwasher tango";
const WRONG: &str = "a wrong password";
const ABSENT: &str = "01900000-0000-7000-8000-0000000000ff";

async fn with_admin(flags: &'static [&'static str]) -> (Service, Account, Account) {
    let service = start_with(Settings { admin: true, flags, ..Settings::default() }).await;
    let (admin, ada) = (service.admin().await, service.account(EMAIL).await);
    (service, admin, ada)
}

async fn reset(service: &Service, by: &Account, id: &str, new: &str) -> Result<ResetPasswordResponse, Status> {
    let request = ResetPasswordRequest { id: id.into(), new_password: new.into() };
    Ok(service.users().reset_password(with_token(request, &by.token)).await?.into_inner())
}

async fn complete(service: &Service, code: &str, new: &str) -> Result<TokenPair, Status> {
    let request = CompletePasswordResetRequest { code: code.into(), new_password: new.into() };
    Ok(service.users().complete_password_reset(request).await?.into_inner().tokens.unwrap())
}

async fn unlock(service: &Service, by: &Account, id: &str) -> Result<(), Status> {
    service.users().unlock_user(with_token(UnlockUserRequest { id: id.into() }, &by.token)).await.map(drop)
}

async fn get(service: &Service, by: &Account, id: &str) -> User {
    let request = GetUserRequest { id: id.into() };
    service.users().get_user(with_token(request, &by.token)).await.unwrap().into_inner().user.unwrap()
}

#[track_caller]
fn bad_code(status: &Status) {
    const TEXT: &str = "the reset code is invalid, used or expired: ask an admin for another one";
    refused(status, Code::Unauthenticated, "RESET_CODE_INVALID", TEXT);
}

/// Gives wrong passwords until the account is locked.
async fn lock(service: &Service) {
    while service.login(EMAIL, WRONG).await.unwrap_err().code() == Code::Unauthenticated {}
}

#[tokio::test]
async fn code_is_exchanged_for_a_password_once() {
    let (service, admin, ada) = with_admin(&[]).await;
    lock(&service).await;
    let issued = reset(&service, &admin, &ada.id, "").await.unwrap();
    assert!(issued.code.starts_with("gpc_"), "{}", issued.code);
    assert_eq!(issued.expire_time.unwrap().seconds - service.clock.now().timestamp(), 15 * 60);
    assert_eq!(service.state(&ada.token).await, TokenState::Active, "a code alone changes nothing");

    assert_eq!(bad_fields(&complete(&service, &issued.code, "short").await.unwrap_err()), ["new_password"]);
    let own = complete(&service, &issued.code, EMAIL).await.unwrap_err();
    assert_eq!(bad_fields(&own), ["new_password"]);
    let tokens = complete(&service, &issued.code, NEW).await.unwrap();
    assert_eq!(service.state(&ada.token).await, TokenState::Revoked);
    assert_eq!(service.state(&tokens.access_token).await, TokenState::Active);
    bad_code(&complete(&service, &issued.code, PASSWORD).await.unwrap_err());
    service.login(EMAIL, NEW).await.expect("the account is unlocked");
}

#[tokio::test]
async fn code_ends_after_its_time_or_with_a_newer_one() {
    let (service, admin, ada) = with_admin(&[]).await;
    let first = reset(&service, &admin, &ada.id, "").await.unwrap().code;
    let second = reset(&service, &admin, &ada.id, "").await.unwrap().code;
    for bad in [&first, "", "gpc_", &format!("{second}x"), &ada.token] {
        bad_code(&complete(&service, bad, NEW).await.unwrap_err());
    }
    service.clock.advance(Duration::from_mins(15));
    bad_code(&complete(&service, &second, NEW).await.unwrap_err());
    assert_eq!(service.state(&ada.token).await, TokenState::Active);
}

#[tokio::test]
async fn disabled_user_cannot_use_a_code() {
    let (service, admin, ada) = with_admin(&[]).await;
    let code = reset(&service, &admin, &ada.id, "").await.unwrap().code;
    let disable = DisableUserRequest { id: ada.id.clone(), etag: String::new() };
    service.users().disable_user(with_token(disable, &admin.token)).await.unwrap();
    bad_code(&complete(&service, &code, NEW).await.unwrap_err());
    let enable = EnableUserRequest { id: ada.id.clone(), etag: String::new() };
    service.users().enable_user(with_token(enable, &admin.token)).await.unwrap();
    bad_code(&complete(&service, &code, NEW).await.unwrap_err());
    let code = reset(&service, &admin, &ada.id, "").await.unwrap().code;
    complete(&service, &code, NEW).await.unwrap();
}

/// C52: wrong codes use up the allowance of the caller's address.
#[tokio::test]
async fn wrong_codes_use_the_address_allowance() {
    let (service, admin, ada) = with_admin(&["--address-failures", "3"]).await;
    let code = reset(&service, &admin, &ada.id, "").await.unwrap().code;
    for _ in 0..3 {
        bad_code(&complete(&service, "gpc_wrong", NEW).await.unwrap_err());
    }
    for code in ["gpc_wrong", &code] {
        let status = complete(&service, code, NEW).await.unwrap_err();
        refused(&status, Code::ResourceExhausted, "TOO_MANY_ATTEMPTS", "too many attempts, try again in 3 s");
    }
    service.clock.advance(Duration::from_secs(3));
    complete(&service, &code, NEW).await.unwrap();
}

#[tokio::test]
async fn admin_sets_a_password() {
    let (service, admin, ada) = with_admin(&[]).await;
    lock(&service).await;
    let code = reset(&service, &admin, &ada.id, "").await.unwrap().code;
    assert_eq!(bad_fields(&reset(&service, &admin, &ada.id, "password1").await.unwrap_err()), ["new_password"]);
    assert_eq!(service.state(&ada.token).await, TokenState::Active);
    let answer = reset(&service, &admin, &ada.id, NEW).await.unwrap();
    assert_eq!(answer, ResetPasswordResponse::default(), "no code if the admin sets a password");
    assert_eq!(service.state(&ada.token).await, TokenState::Revoked);
    service.login(EMAIL, NEW).await.expect("the account is unlocked");
    bad_code(&complete(&service, &code, PASSWORD).await.unwrap_err());
}

#[tokio::test]
async fn missing_and_malformed_users_are_refused() {
    let (service, admin, ada) = with_admin(&[]).await;
    for status in [
        reset(&service, &admin, ABSENT, "").await.unwrap_err(),
        reset(&service, &admin, ABSENT, NEW).await.unwrap_err(),
        unlock(&service, &admin, ABSENT).await.unwrap_err(),
    ] {
        refused(&status, Code::NotFound, "USER_NOT_FOUND", "user not found");
    }
    assert_eq!(bad_fields(&reset(&service, &admin, "ada", "").await.unwrap_err()), ["id"]);
    assert_eq!(bad_fields(&unlock(&service, &admin, "ada").await.unwrap_err()), ["id"]);
    for status in [reset(&service, &ada, "me", "").await.unwrap_err(), unlock(&service, &ada, "me").await.unwrap_err()]
    {
        refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    }
}

/// Locks an account in an unknown network and in a known one; the admin sees and ends both locks.
#[tokio::test]
async fn admin_sees_and_ends_a_lock() {
    let (service, admin, ada) = with_admin(&[]).await;
    let login = get(&service, &admin, &ada.id).await;
    let now = service.clock.now().timestamp();
    assert_eq!(login.last_login_time.map(|time| time.seconds), Some(now), "a registration counts as a login");
    assert_eq!((login.failed_attempts, login.lock_expire_time), (0, None));

    lock(&service).await;
    let locked = get(&service, &admin, &ada.id).await;
    assert_eq!(locked.failed_attempts, 4);
    assert_eq!(locked.lock_expire_time.map(|time| time.seconds), Some(now + 1));
    let list = ListUsersRequest { page_size: 10, ..ListUsersRequest::default() };
    let listed = service.users().list_users(with_token(list.clone(), &admin.token)).await.unwrap().into_inner().users;
    assert_eq!(listed[0], locked, "a list shows the same");

    for id in ["me", &ada.id] {
        let seen = get(&service, &ada, id).await;
        assert_eq!((seen.last_login_time, seen.failed_attempts, seen.lock_expire_time), (None, 0, None));
    }
    let listed = service.users().list_users(with_token(list, &ada.token)).await.unwrap().into_inner().users;
    assert!(listed.iter().all(|user| user.last_login_time.is_none() && user.failed_attempts == 0), "{listed:?}");

    unlock(&service, &admin, &ada.id).await.unwrap();
    assert_eq!(get(&service, &admin, &ada.id).await.failed_attempts, 0);
    service.login(EMAIL, PASSWORD).await.expect("the account is unlocked");
    unlock(&service, &admin, &ada.id).await.expect("unlocking twice changes nothing");
}

/// C68: the audit log records each step, and holds no code and no password.
#[tokio::test]
async fn help_for_a_user_is_recorded() {
    let (service, admin, ada) = with_admin(&[]).await;
    unlock(&service, &admin, &ada.id).await.unwrap();
    reset(&service, &admin, &ada.id, NEW).await.unwrap();
    let code = reset(&service, &admin, &ada.id, "").await.unwrap().code;
    service.clock.advance(Duration::from_mins(15));
    bad_code(&complete(&service, &code, PASSWORD).await.unwrap_err());
    bad_code(&complete(&service, NEW, PASSWORD).await.unwrap_err());
    let code = reset(&service, &admin, &ada.id, "").await.unwrap().code;
    complete(&service, &code, PASSWORD).await.unwrap();

    let mut all = events(&service, &admin, AuditEventFilter::default()).await;
    // The first signing key has events of its own.
    all.retain(|event| !event.subject.starts_with("key:"));
    let of_help = all.iter().skip_while(|event| event.kind().as_str_name() != "AUDIT_EVENT_KIND_USER_UNLOCKED");
    let name = |id: &str| match id {
        id if id == ada.id => "ada".to_owned(),
        id if id == admin.id => "admin".to_owned(),
        other => other.to_owned(),
    };
    let recorded: Vec<_> = of_help
        .map(|event| {
            let kind = event.kind().as_str_name().trim_start_matches("AUDIT_EVENT_KIND_");
            let detail = event.detail.split('=').next_back().filter(|_| event.detail.starts_with("reason"));
            format!("{kind} {}>{} {}", name(&event.actor), name(&event.subject), detail.unwrap_or_default())
        })
        .collect();
    let expected = [
        "USER_UNLOCKED admin>ada ",
        "PASSWORD_CHANGED admin>ada ",
        "PASSWORD_RESET_ISSUED admin>ada ",
        "PASSWORD_RESET_FAILED >ada expired_code",
        "PASSWORD_RESET_FAILED > unknown_code",
        "PASSWORD_RESET_ISSUED admin>ada ",
        "PASSWORD_RESET_COMPLETED ada>ada ",
    ];
    assert_eq!(recorded, expected);
    let text = format!("{all:?}");
    for secret in [&code[4..], PASSWORD, NEW] {
        assert!(!text.contains(secret), "a secret is in the audit log: {text}");
    }
}
