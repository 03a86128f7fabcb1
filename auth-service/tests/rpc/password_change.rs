//! A password change ends all sessions of the old password, also those that start at the same time.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::{ChangePasswordRequest, TokenState};
use tonic::{Code, Status};

use super::support::{
    EMAIL, PASSWORD, SERVICE_KEY, Service, Settings, bad_fields, refused, start, start_with, with_token,
};

const NEW: &str = "purple monkey dishwasher tango";

async fn change(service: &Service, token: &str, current: &str, new: &str) -> Result<String, Status> {
    let request = ChangePasswordRequest { current_password: current.into(), new_password: new.into() };
    let answer = service.users().change_password(with_token(request, token)).await?;
    Ok(answer.into_inner().tokens.unwrap().access_token)
}

/// C48: a change needs the current password and ends every session.
#[tokio::test]
async fn password_change_ends_every_session() {
    let service = start().await;
    let first = service.token().await;
    let second = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    for wrong in ["a wrong password", "", NEW, &"a".repeat(600)] {
        let status = change(&service, &first, wrong, NEW).await.unwrap_err();
        refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
    }
    // After the earlier wrong passwords, the next attempt has to wait.
    service.clock.advance(Duration::from_secs(1));
    assert_eq!(bad_fields(&change(&service, &first, PASSWORD, "short").await.unwrap_err()), ["new_password"]);
    assert_eq!(service.state(&second).await, TokenState::Active, "a failed change ends nothing");

    let third = change(&service, &first, PASSWORD, NEW).await.unwrap();
    assert_eq!(service.state(&first).await, TokenState::Revoked);
    assert_eq!(service.state(&second).await, TokenState::Revoked);
    assert_eq!(service.state(&third).await, TokenState::Active);
    let status = service.login(EMAIL, PASSWORD).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
    let fourth = service.login(EMAIL, NEW).await.unwrap().tokens.unwrap().access_token;
    assert_eq!(service.state(&fourth).await, TokenState::Active);
}

#[tokio::test]
async fn service_has_no_password() {
    let service = start_with(Settings { service_key: Some(SERVICE_KEY), ..Settings::default() }).await;
    let status = change(&service, SERVICE_KEY, PASSWORD, NEW).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_does_not_survive_a_concurrent_change() {
    let service = Arc::new(start().await);
    let mut token = service.token().await;
    let (mut old, mut new) = (PASSWORD, NEW);
    for _ in 0..8 {
        let racing = tokio::spawn({
            let service = Arc::clone(&service);
            async move { service.login(EMAIL, old).await }
        });
        token = change(&service, &token, old, new).await.unwrap();
        match racing.await.unwrap() {
            Ok(answer) => {
                let late = answer.tokens.unwrap().access_token;
                assert_eq!(service.state(&late).await, TokenState::Revoked, "the session began with the old password");
            }
            Err(status) => refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials"),
        }
        assert_eq!(service.state(&token).await, TokenState::Active);
        (old, new) = (new, old);
    }
}

/// Two changes at once: one wins, and the other caller is logged out.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_password_changes_at_once_wins() {
    let service = Arc::new(start().await);
    let token = service.token().await;
    let changes: Vec<_> = [NEW, "seven violet umbrellas marching"]
        .map(|new| {
            let (service, token) = (Arc::clone(&service), token.clone());
            tokio::spawn(async move { (new, change(&service, &token, PASSWORD, new).await) })
        })
        .into();
    let mut won = Vec::new();
    for answer in changes {
        match answer.await.unwrap() {
            (new, Ok(token)) => won.push((new, token)),
            (_, Err(status)) => assert_eq!(status.code(), Code::Unauthenticated, "{status:?}"),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(service.state(&won[0].1).await, TokenState::Active);
    assert!(service.login(EMAIL, won[0].0).await.is_ok());
}
