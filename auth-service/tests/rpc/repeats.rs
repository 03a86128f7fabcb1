//! Registrations repeated after a lost answer, and registrations that are only validated.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::{CreateUserRequest, CreateUserResponse, ListUsersRequest, TokenState, UserState};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::support::{EMAIL, PASSWORD, Service, Settings, bad_fields, refused, start, start_with, with_token};

const ID: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const REUSED: &str =
    "request_id: was used for another request within the last 24 hours, draw a new UUID for each request";
const TAKEN: &str = "User already exists, please supply another email address";

fn request() -> CreateUserRequest {
    CreateUserRequest {
        name: "Ada".into(),
        email: EMAIL.into(),
        password: PASSWORD.into(),
        request_id: ID.into(),
        validate_only: false,
    }
}

async fn create(service: &Service, request: CreateUserRequest) -> Result<CreateUserResponse, Status> {
    Ok(service.users().create_user(request).await?.into_inner())
}

/// C64: the same request again returns the same user and logs in.
#[tokio::test]
async fn repeated_request_answers_the_same_user() {
    let service = start().await;
    let first = create(&service, request()).await.unwrap();
    let again = create(&service, request()).await.unwrap();
    assert_eq!(first.user, again.user);
    for answer in [first, again] {
        assert_eq!(service.state(&answer.tokens.unwrap().access_token).await, TokenState::Active);
    }
    let wrong = CreateUserRequest { password: "another strong passphrase here".into(), ..request() };
    let status = create(&service, wrong).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
    for other in [
        CreateUserRequest { name: "Eve".into(), ..request() },
        CreateUserRequest { email: "eve@example.com".into(), ..request() },
        CreateUserRequest { name: "Eve".into(), validate_only: true, ..request() },
    ] {
        refused(&create(&service, other).await.unwrap_err(), Code::AlreadyExists, "REQUEST_ID_REUSED", REUSED);
    }
    let new = CreateUserRequest { request_id: String::new(), ..request() };
    refused(&create(&service, new).await.unwrap_err(), Code::AlreadyExists, "EMAIL_TAKEN", TAKEN);
}

/// C64: a request is remembered for a day.
#[tokio::test]
async fn request_is_remembered_for_a_day() {
    let service = start().await;
    let first = create(&service, request()).await.unwrap();
    service.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(create(&service, request()).await.unwrap().user, first.user);
    service.clock.advance(Duration::from_secs(1));
    refused(&create(&service, request()).await.unwrap_err(), Code::AlreadyExists, "EMAIL_TAKEN", TAKEN);
    let other = CreateUserRequest { email: "eve@example.com".into(), ..request() };
    assert!(create(&service, other).await.is_ok(), "the id is free again");
}

/// C64: the same request sent at once makes one user.
#[tokio::test(flavor = "multi_thread")]
async fn same_request_at_once_makes_one_user() {
    let service = Arc::new(start().await);
    let mut all = JoinSet::new();
    // One request creates the user. Each other request checks the password, and at most four passwords of an account
    // are checked at once.
    for _ in 0..5 {
        let service = Arc::clone(&service);
        all.spawn(async move { create(&service, request()).await });
    }
    let mut ids = Vec::new();
    while let Some(answer) = all.join_next().await {
        ids.push(answer.unwrap().unwrap().user.unwrap().id);
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn failed_request_is_not_remembered() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    refused(&create(&service, request()).await.unwrap_err(), Code::AlreadyExists, "EMAIL_TAKEN", TAKEN);
    let other = CreateUserRequest { email: "eve@example.com".into(), ..request() };
    assert!(create(&service, other).await.is_ok());
}

#[tokio::test]
async fn late_request_does_not_recreate_a_deleted_user() {
    let service = start().await;
    let token = create(&service, request()).await.unwrap().tokens.unwrap().access_token;
    let delete = gatepost::api::auth::v1::DeleteUserRequest { id: "me".into(), etag: String::new() };
    service.users().delete_user(with_token(delete, &token)).await.unwrap();
    let status = create(&service, request()).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
}

/// With closed registration, a request id belongs to the admin and brings no tokens.
#[tokio::test]
async fn closed_registration_ties_request_ids_to_admins() {
    let service = start_with(Settings { admin: true, closed: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = service.users().create_user(with_token(request(), &admin.token)).await.unwrap().into_inner();
        assert_eq!(answer.tokens, None);
        answers.push(answer.user.unwrap().id);
    }
    assert_eq!(answers[0], answers[1]);
    // The new user may have changed the password since, so the repetition need not have the same one.
    let again = CreateUserRequest { password: "another strong passphrase here".into(), ..request() };
    let again = service.users().create_user(with_token(again, &admin.token)).await.unwrap().into_inner();
    assert_eq!(again.user.unwrap().id, answers[0]);
    service.set_roles(&admin, &answers[0], &["admin"]).await.unwrap();
    let ada = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    let other = CreateUserRequest { email: "bob@example.com".into(), ..request() };
    let made = service.users().create_user(with_token(other, &ada)).await;
    assert!(made.is_ok(), "each caller has its own ids: {made:?}");
}

#[tokio::test]
async fn validate_only_checks_all_and_leaves_nothing() {
    let service = start().await;
    let trial = CreateUserRequest { validate_only: true, ..request() };
    let answer = create(&service, trial.clone()).await.unwrap();
    let user = answer.user.unwrap();
    assert_eq!((answer.tokens, user.id.as_str(), user.name.as_str()), (None, "", "Ada"));
    assert_eq!((user.email.as_str(), user.state(), user.create_time), (EMAIL, UserState::Active, None));
    let token = create(&service, request()).await.unwrap().tokens.unwrap().access_token;
    let listed = service.users().list_users(with_token(ListUsersRequest::default(), &token)).await.unwrap();
    assert_eq!(listed.into_inner().users.len(), 1, "the trial created no user");

    assert!(create(&service, trial).await.is_ok(), "the id of the trial is still free");
    let known = CreateUserRequest { validate_only: true, request_id: String::new(), ..request() };
    refused(&create(&service, known).await.unwrap_err(), Code::AlreadyExists, "EMAIL_TAKEN", TAKEN);
    let bad = CreateUserRequest { request_id: "1".into(), name: String::new(), validate_only: true, ..request() };
    assert_eq!(bad_fields(&create(&service, bad).await.unwrap_err()), ["name", "request_id"]);
}
