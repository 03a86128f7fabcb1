//! Answers to callers after a timeout, an outage of the database or a fault of the service, and the recovery.

use std::time::Duration;

use gatepost::api::auth::v1::{
    CreateUserRequest, CreateUserResponse, ListSessionsRequest, LoginRequest, LoginResponse, LogoutRequest, TokenState,
};
use testkit::{Outsider, Raw};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{EMAIL, PASSWORD, Service, refused, start, with_token};

const LOGIN: &str = "/gatepost.auth.v1.AuthService/Login";
const CREATE_USER: &str = "/gatepost.auth.v1.UserService/CreateUser";
const LATE: &str = "the call took longer than its deadline, try again with a longer one";

/// Logs in with a client that keeps no deadline itself.
async fn login(raw: &Raw, headers: &[(&str, &str)]) -> Result<LoginResponse, Status> {
    raw.ask(LOGIN, headers, &LoginRequest { email: EMAIL.into(), password: PASSWORD.into(), ..LoginRequest::default() })
        .await
}

async fn registered() -> (Service, Raw) {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let raw = Raw::connect(service.address).await;
    (service, raw)
}

fn internal(status: &Status) {
    refused(
        status,
        Code::Internal,
        "INTERNAL",
        "internal error: tell the service's operator the request id in the details",
    );
    assert_eq!(status.get_details_request_info().unwrap().request_id.len(), 36, "a UUID");
    for word in ["sql", "table", "sessions"] {
        assert!(!String::from_utf8_lossy(status.details()).to_lowercase().contains(word), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deadline_passes_in_the_hashing_queue() {
    let (_service, raw) = registered().await;
    let mut flood = JoinSet::new();
    for _ in 0..95 {
        let raw = raw.clone();
        flood.spawn(async move { login(&raw, &[]).await });
    }
    // The first refusal shows that the queue is full.
    let shed = |answer: &Result<LoginResponse, Status>| {
        answer.as_ref().is_err_and(|status| status.code() == Code::ResourceExhausted)
    };
    while !shed(&flood.join_next().await.expect("some are shed").unwrap()) {}
    let status = loop {
        // This is shorter than a hash: an account has at most four hashes at once, so the queue may be short.
        match login(&raw, &[("grpc-timeout", "10m")]).await.unwrap_err() {
            status if status.code() == Code::ResourceExhausted => {}
            status => break status,
        }
    };
    refused(&status, Code::DeadlineExceeded, "DEADLINE", LATE);
    flood.shutdown().await;
}

#[tokio::test]
async fn deadline_passes_in_the_database() {
    let (service, raw) = registered().await;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.lock().await;
    let request = CreateUserRequest {
        name: "Bob".into(),
        email: "bob@example.com".into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    // This is longer than a hash, and shorter than the database's time limit after it.
    let headers = [("grpc-timeout", "200m")];
    let status = raw.ask::<CreateUserResponse>(CREATE_USER, &headers, &request).await.unwrap_err();
    refused(&status, Code::DeadlineExceeded, "DEADLINE", LATE);
    outsider.close().await;
    assert!(raw.ask::<CreateUserResponse>(CREATE_USER, &[], &request).await.is_ok(), "the first call wrote nothing");
}

/// A database that another program has locked is unavailable until the program unlocks it.
#[tokio::test]
async fn database_held_by_another_program_is_unavailable() {
    let (service, raw) = registered().await;
    let token = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.lock().await;
    let message = "the database cannot be reached now, try again in a moment";
    for status in [
        login(&raw, &[]).await.unwrap_err(),
        service.auth().logout(with_token(LogoutRequest {}, &token)).await.unwrap_err(),
    ] {
        refused(&status, Code::Unavailable, "STORE_UNAVAILABLE", message);
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    }
    assert_eq!(service.state(&token).await, TokenState::Active, "calls that only read succeed");
    outsider.close().await;
    assert!(login(&raw, &[]).await.is_ok());
    service.auth().logout(with_token(LogoutRequest {}, &token)).await.unwrap();
    assert_eq!(service.state(&token).await, TokenState::Revoked);
}

/// C69: a fault of the service is `INTERNAL` and reveals no internals.
#[tokio::test]
async fn internal_error_reveals_no_internals() {
    let (service, raw) = registered().await;
    let token = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.run("drop table sessions").await;
    outsider.close().await;
    let first = login(&raw, &[]).await.unwrap_err();
    internal(&first);
    let request = with_token(ListSessionsRequest::default(), &token);
    let second = service.sessions().list_sessions(request).await.unwrap_err();
    internal(&second);
    let ids = [&first, &second].map(|status| status.get_details_request_info().unwrap().request_id);
    assert_ne!(ids[0], ids[1], "each call has its own id");
}
