//! Logins: one answer for all wrong credentials, a bounded queue, separate sessions.

use std::sync::Arc;

use gatepost::api::auth::v1::{LogoutRequest, TokenState};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::support::{EMAIL, PASSWORD, SERVICE_KEY, Settings, refused, start, start_with, with_token};

/// C51: every wrong pair of email and password gets the same answer.
#[tokio::test]
async fn login_wrong_pairs_get_the_same_answer() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let long = "a".repeat(600);
    let mut answers = Vec::new();
    for (email, password) in [(EMAIL, "wrong password"), ("nobody@example.com", PASSWORD), (EMAIL, ""), (EMAIL, &long)]
    {
        let status = service.login(email, password).await.unwrap_err();
        refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
        answers.push(status.details().to_vec());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "the answers are equal byte for byte");
    let status = service.login("nobody", PASSWORD).await.unwrap_err();
    assert_eq!(
        (status.code(), status.get_details_error_info().unwrap().reason.as_str()),
        (Code::InvalidArgument, "INVALID_FIELDS")
    );
}

/// C40: each login starts a session of its own.
#[tokio::test]
async fn login_starts_a_session_of_its_own() {
    let service = start().await;
    let first = service.token().await;
    let second = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    assert_ne!(first, second);
    service.auth().logout(with_token(LogoutRequest {}, &first)).await.unwrap();
    assert_eq!(service.state(&first).await, TokenState::Revoked);
    assert_eq!(service.state(&second).await, TokenState::Active);
}

#[tokio::test]
async fn logout_without_a_session_is_refused() {
    let service = start_with(Settings { service_key: Some(SERVICE_KEY), ..Settings::default() }).await;
    let status = service.auth().logout(LogoutRequest {}).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
    let status = service.auth().logout(with_token(LogoutRequest {}, SERVICE_KEY)).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_flood_is_shed() {
    let service = Arc::new(start().await);
    service.register(EMAIL).await.unwrap();
    let mut all = JoinSet::new();
    for _ in 0..95 {
        let service = Arc::clone(&service);
        all.spawn(async move { service.login(EMAIL, PASSWORD).await });
    }
    let (mut served, mut shed) = (0, 0);
    while let Some(answer) = all.join_next().await {
        match answer.unwrap() {
            Ok(_) => served += 1,
            // On a busy machine, waiting logins may reach their deadline or the database's limit.
            Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Unavailable) => {}
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                assert_eq!(status.get_details_error_info().unwrap().reason, "OVERLOADED");
                assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
                shed += 1;
            }
        }
    }
    assert!(served >= 1 && shed >= 1, "{served} served, {shed} shed");
    assert!(service.login(EMAIL, PASSWORD).await.is_ok(), "logins work after the flood");
}
