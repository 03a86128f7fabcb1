//! Registration: its rules, the single answer for a taken email, and races.

use gatepost::api::auth::v1::{CreateUserRequest, GetMeRequest, UserState};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::support::{EMAIL, SERVICE_KEY, Settings, refused, start, start_with, with_token};

const TAKEN: &str = "User already exists, please supply another email address";

#[tokio::test]
async fn registration_logs_in() {
    let service = start().await;
    let created = service.register("Ada@Example.com").await.unwrap();
    let user = created.user.unwrap();
    assert_eq!((user.name.as_str(), user.email.as_str(), user.state()), ("Ada", "Ada@Example.com", UserState::Active));
    assert_eq!(user.create_time, user.update_time);
    let token = created.tokens.unwrap().access_token;
    let me = service.users().get_me(with_token(GetMeRequest {}, &token)).await.unwrap().into_inner();
    assert_eq!(me.user.unwrap(), user);
}

/// C61: an email is taken in all of its forms.
#[tokio::test]
async fn email_is_taken_in_all_of_its_forms() {
    let service = start().await;
    service.register("jos\u{e9}@b\u{fc}cher.example").await.unwrap();
    for form in ["JOS\u{c9}@b\u{fc}cher.example", "jose\u{301}@B\u{dc}CHER.example", "jos\u{e9}@xn--bcher-kva.example"]
    {
        refused(&service.register(form).await.unwrap_err(), Code::AlreadyExists, "EMAIL_TAKEN", TAKEN);
    }
}

/// C61: of several concurrent registrations of one email, exactly one succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_concurrent_registrations_of_one_email_wins() {
    let service = std::sync::Arc::new(start().await);
    let mut all = JoinSet::new();
    // Few enough for the hashing queue on a busy machine; the store has a test with a hundred.
    for _ in 0..8 {
        let service = std::sync::Arc::clone(&service);
        all.spawn(async move { service.register(EMAIL).await });
    }
    let mut won = 0;
    while let Some(answer) = all.join_next().await {
        match answer.unwrap() {
            Ok(_) => won += 1,
            Err(status) => refused(&status, Code::AlreadyExists, "EMAIL_TAKEN", TAKEN),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn register_names_each_bad_field() {
    let service = start().await;
    let request = CreateUserRequest {
        name: "a\nb".into(),
        email: "nobody".into(),
        password: "short".into(),
        ..CreateUserRequest::default()
    };
    let status = service.users().create_user(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields: Vec<_> = status
        .get_details_bad_request()
        .unwrap()
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    assert_eq!(fields, ["name", "email", "password"]);
    assert!(status.message().contains("password: must have 8 to 128 characters"), "{}", status.message());
    assert!(!status.message().contains("short"), "a refused password is not repeated");
}

#[tokio::test]
async fn service_is_not_a_user() {
    let service = start_with(Settings { service_key: Some(SERVICE_KEY), ..Settings::default() }).await;
    let status = service.users().get_me(with_token(GetMeRequest {}, SERVICE_KEY)).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
}
