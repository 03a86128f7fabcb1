//! Quotas of addresses and users.

use std::time::Duration;

use gatepost::api::auth::v1::{ListSessionsRequest, RefreshTokenRequest, TokenPair, TokenState};
use tonic::{Code, Status};

use super::support::{EMAIL, PASSWORD, Service, Settings, refused, start_with, with_token};

async fn start(flags: &'static [&'static str]) -> Service {
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    service.register(EMAIL).await.unwrap();
    service
}

async fn login(service: &Service) -> Result<TokenPair, Status> {
    Ok(service.login(EMAIL, PASSWORD).await?.tokens.unwrap())
}

async fn refresh(service: &Service, token: &str) -> Result<TokenPair, Status> {
    let request = RefreshTokenRequest { refresh_token: token.into(), ..RefreshTokenRequest::default() };
    Ok(service.auth().refresh_token(request).await?.into_inner().tokens.unwrap())
}

#[track_caller]
fn assert_wait(status: &Status, seconds: u64) {
    let message = format!("too many attempts, try again in {seconds} s");
    refused(status, Code::ResourceExhausted, "TOO_MANY_ATTEMPTS", &message);
}

#[tokio::test]
async fn logins_of_an_address_have_a_quota() {
    let service = start(&["--address-logins-per-minute", "3"]).await;
    for _ in 0..3 {
        login(&service).await.unwrap();
    }
    assert_wait(&login(&service).await.unwrap_err(), 20);
    service.clock.advance(Duration::from_secs(20));
    login(&service).await.unwrap();
}

#[tokio::test]
async fn bad_refresh_tokens_of_an_address_have_a_quota() {
    let service = start(&["--address-bad-refreshes-per-minute", "3"]).await;
    let good = login(&service).await.unwrap().refresh_token;
    let good = refresh(&service, &good).await.unwrap().refresh_token;
    for _ in 0..3 {
        assert_eq!(refresh(&service, "gpr_garbage").await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert_wait(&refresh(&service, "gpr_garbage").await.unwrap_err(), 20);
    assert_wait(&refresh(&service, &good).await.unwrap_err(), 20);
    service.clock.advance(Duration::from_secs(20));
    refresh(&service, &good).await.unwrap();
}

#[tokio::test]
async fn oldest_session_beyond_the_quota_ends() {
    let service = start(&["--user-sessions", "3"]).await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        service.clock.advance(Duration::from_secs(1));
        tokens.push(login(&service).await.unwrap());
    }
    // The first session was used, so it is no longer the oldest.
    service.clock.advance(Duration::from_secs(1));
    tokens[0] = refresh(&service, &tokens[0].refresh_token).await.unwrap();
    service.clock.advance(Duration::from_secs(1));
    tokens.push(login(&service).await.unwrap());
    let mut states = Vec::new();
    for pair in &tokens {
        states.push(service.state(&pair.access_token).await);
    }
    let (active, revoked) = (TokenState::Active, TokenState::Revoked);
    assert_eq!(states, [active, revoked, active, active]);
    let list = with_token(ListSessionsRequest::default(), &tokens[3].access_token);
    assert_eq!(service.sessions().list_sessions(list).await.unwrap().into_inner().sessions.len(), 3);
}
