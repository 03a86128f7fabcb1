//! Two tabs share a session and always refresh at the same moment.

use std::time::Duration;

use gatepost::api::auth::v1::{RefreshTokenRequest, TokenPair, TokenState};
use tonic::{Code, Status};

use super::support::{EMAIL, Service, Settings, start, start_with};

/// Number of rounds. At ten minutes for each round they take a week, which is shorter than the life of a session.
const ROUNDS: usize = 1_000;

async fn refresh(service: &Service, token: &str) -> Result<TokenPair, Status> {
    let request = RefreshTokenRequest { refresh_token: token.into(), ..RefreshTokenRequest::default() };
    Ok(service.auth().refresh_token(request).await?.into_inner().tokens.unwrap())
}

async fn begun() -> (Service, String) {
    let service = start().await;
    let tokens = service.register(EMAIL).await.unwrap().tokens.unwrap();
    (service, tokens.refresh_token)
}

#[tokio::test]
async fn two_tabs_that_refresh_together_stay_logged_in() {
    let (service, mut token) = begun().await;
    for round in 0..ROUNDS {
        service.clock.advance(Duration::from_mins(10));
        let (one, other) = tokio::join!(refresh(&service, &token), refresh(&service, &token));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.refresh_token, other.refresh_token, "round {round}: one successor");
        token = one.refresh_token;
    }
}

#[tokio::test]
async fn second_tab_within_ten_seconds_is_not_counted() {
    let (service, mut token) = begun().await;
    for _ in 0..8 {
        let next = refresh(&service, &token).await.unwrap();
        service.clock.advance(Duration::from_millis(9_999));
        assert_eq!(refresh(&service, &token).await.unwrap().refresh_token, next.refresh_token);
        token = next.refresh_token;
    }
    // No grace for a lost answer has been used.
    let next = refresh(&service, &token).await.unwrap();
    service.clock.advance(Duration::from_secs(59));
    assert_eq!(refresh(&service, &token).await.unwrap().refresh_token, next.refresh_token);
}

#[tokio::test]
async fn stolen_token_ends_the_session_despite_two_tabs() {
    let (service, stolen) = begun().await;
    let mut token = stolen.clone();
    for _ in 0..3 {
        let (one, other) = tokio::join!(refresh(&service, &token), refresh(&service, &token));
        token = one.unwrap().refresh_token;
        assert_eq!(other.unwrap().refresh_token, token);
    }
    let last = refresh(&service, &token).await.unwrap();
    // The thief uses the token late, but within ten seconds of the last rotation.
    let status = refresh(&service, &stolen).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(service.state(&last.access_token).await, TokenState::Revoked);
}

#[tokio::test]
async fn thief_beside_the_owner_is_found_in_two_rotations() {
    let (service, token) = begun().await;
    let mut owner = refresh(&service, &token).await.unwrap();
    let mut thief = token;
    for late in [11, 11] {
        service.clock.advance(Duration::from_secs(late));
        let Ok(pair) = refresh(&service, &thief).await else { break };
        // Both hold the same successor, and the owner uses it first.
        thief = pair.refresh_token;
        owner = refresh(&service, &owner.refresh_token).await.unwrap();
    }
    assert_eq!(service.state(&owner.access_token).await, TokenState::Revoked);
}

#[tokio::test]
async fn overlap_of_zero_counts_each_second_use() {
    let flags = &["--refresh-overlap", "0s"];
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    let mut token = service.register(EMAIL).await.unwrap().tokens.unwrap().refresh_token;
    let mut last = String::new();
    for is_last in [false, true] {
        let next = refresh(&service, &token).await.unwrap();
        assert_eq!(refresh(&service, &token).await.is_err(), is_last);
        (token, last) = (next.refresh_token, next.access_token);
    }
    assert_eq!(service.state(&last).await, TokenState::Revoked);
}
