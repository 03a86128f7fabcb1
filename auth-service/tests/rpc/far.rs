//! A distant database server: calls work at the largest distance and take few round trips.

use std::time::Duration;

use gatepost::api::auth::v1::{LogoutRequest, RefreshTokenRequest, TokenState};
use testkit::proxy::Proxy;

use super::support::{EMAIL, PASSWORD, start_at, with_token};

/// Number of logins. The login with the fewest requests counts, because a poll of the log may run during the others.
const TRIES: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn calls_work_at_the_greatest_distance() {
    let Some(server) = testkit::postgres::server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    proxy.latency(Duration::from_millis(50));
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    service.register(EMAIL).await.unwrap();
    for _ in 0..2 {
        let tokens = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap();
        assert_eq!(service.state(&tokens.access_token).await, TokenState::Active);
        let refresh = RefreshTokenRequest { refresh_token: tokens.refresh_token, ..RefreshTokenRequest::default() };
        let refreshed = service.auth().refresh_token(refresh).await.unwrap().into_inner().tokens.unwrap();
        service.auth().logout(with_token(LogoutRequest {}, &refreshed.access_token)).await.unwrap();
        assert_eq!(service.state(&refreshed.access_token).await, TokenState::Revoked);
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_takes_four_round_trips() {
    let Some(server) = testkit::postgres::server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    service.register(EMAIL).await.unwrap();
    // Statements are prepared once per connection.
    service.login(EMAIL, PASSWORD).await.unwrap();
    let mut fewest = u64::MAX;
    for _ in 0..TRIES {
        let before = proxy.requests();
        service.login(EMAIL, PASSWORD).await.unwrap();
        fewest = fewest.min(proxy.requests() - before);
    }
    assert_eq!(fewest, 4, "two reads, the session, and the search for sessions beyond the quota");
    service.stop().await;
}
