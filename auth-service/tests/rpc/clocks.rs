//! Clocks that are wrong, or were wrong before: they lock no user out, and revoked tokens stay dead.

use std::time::Duration;

use auth_service::AuthConfig;
use chrono::{DateTime, TimeDelta};
use gatepost::api::auth::v1::{
    DeleteUserRequest, DisableUserRequest, LogoutRequest, RevokeAllSessionsRequest, TokenState,
};
use kit::Clock;
use kit::config::{Environment, parse};
use testkit::http::get;
use testkit::{Outsider, folder};

use super::support::{
    EMAIL, PASSWORD, SECRET, Service, Settings, start, start_at_by, start_at_with, start_in, start_with, with_token,
};
use super::verify::part;

const OTHER: &str = "bob@example.com";

async fn fresh_token(service: &Service, email: &str) -> String {
    service.login(email, PASSWORD).await.unwrap().tokens.unwrap().access_token
}

async fn log_out(service: &Service, token: &str) {
    service.auth().logout(with_token(LogoutRequest {}, token)).await.unwrap();
}

/// Stops the service, runs the statement on its database, and moves the clock by `off`. Then starts the service again.
/// Skips an empty statement.
async fn restart(service: Service, statement: &str, off: TimeDelta) -> Service {
    let database = service.database();
    let (folder, clock) = service.stop().await;
    if !statement.is_empty() {
        let mut outsider = Outsider::open(database).await;
        outsider.run(statement).await;
        outsider.close().await;
    }
    clock.jump(off);
    start_in(folder, clock, Settings::default()).await
}

#[tokio::test]
async fn future_horizon_blocks_no_user() {
    let mut service = start().await;
    let mut old = service.token().await;
    for ahead in ["2026-01-01T00:01:00+00:00", "2026-01-04T00:00:00+00:00", "2031-01-01T00:00:00+00:00"] {
        let raise = format!("update log_head set horizon = '{ahead}'");
        service = restart(service, &raise, TimeDelta::zero()).await;
        assert_eq!(service.state(&old).await, TokenState::Revoked, "earlier tokens are dead");
        old = fresh_token(&service, EMAIL).await;
        assert_eq!(service.state(&old).await, TokenState::Active);
        let metrics = get(service.ops, "/metrics").await.body;
        assert!(metrics.contains("gatepost_times_repaired_total 1\n"), "{metrics}");
    }
}

#[tokio::test]
async fn future_horizon_blocks_no_user_of_a_running_service() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let mut outsider = Outsider::open(service.database()).await;
    outsider.run("update log_head set horizon = '2026-01-04T00:00:00+00:00'").await;
    outsider.close().await;
    // The service repairs the horizon within a second. Until then logins fail, since their tokens would be refused.
    let token = loop {
        match service.login(EMAIL, PASSWORD).await {
            Ok(answer) => {
                let token = answer.tokens.unwrap().access_token;
                let repaired = get(service.ops, "/metrics").await.body.contains("gatepost_times_repaired_total 1\n");
                match service.state(&token).await {
                    TokenState::Active if repaired => break token,
                    state => assert_ne!(state, TokenState::Invalid),
                }
            }
            Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}"),
        }
    };
    assert_eq!(service.state(&token).await, TokenState::Active);
}

/// A token that was issued and revoked under a fast clock stays dead when its issue time comes.
#[tokio::test]
async fn token_revoked_by_a_wrong_clock_stays_dead() {
    for jump in [TimeDelta::hours(1), TimeDelta::days(3)] {
        let service = start().await;
        let before = service.token().await;
        let service = restart(service, "", jump).await;
        let ahead = fresh_token(&service, EMAIL).await;
        assert_eq!(service.state(&ahead).await, TokenState::Active);
        log_out(&service, &ahead).await;
        assert_eq!(service.state(&ahead).await, TokenState::Revoked);
        let service = restart(service, "", -jump).await;
        assert_eq!(service.state(&before).await, TokenState::Active, "a token issued under the right clock is good");
        assert_eq!(service.state(&ahead).await, TokenState::Invalid, "its issue time is in the future");
        while !get(service.ops, "/metrics").await.body.contains("gatepost_times_repaired_total 2\n") {}
        service.clock.advance(jump.to_std().unwrap() + Duration::from_secs(1));
        assert_eq!(service.state(&ahead).await, TokenState::Revoked, "{jump}");
        let token = fresh_token(&service, EMAIL).await;
        assert_eq!(service.state(&token).await, TokenState::Active);
    }
}

/// A wrong password under a clock eight minutes ahead stores a future time for the caller's address. Under a right
/// clock, many wrong passwords store such a time, too. So the row does not show that the clock was wrong.
#[tokio::test]
async fn wrong_password_under_a_fast_clock_blocks_no_user() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let service = restart(service, "", TimeDelta::minutes(8)).await;
    let refused = service.login(EMAIL, "a wrong password").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    let service = restart(service, "", TimeDelta::minutes(-8)).await;
    service.login(EMAIL, PASSWORD).await.unwrap();
    service.register(OTHER).await.unwrap();
}

#[tokio::test]
async fn new_database_under_an_old_secret_knows_no_token() {
    let settings = || Settings { secret: Some(SECRET), admin: true, ..Settings::default() };
    let service = start_with(settings()).await;
    let admin = service.admin().await;
    let mut tokens = vec![("live", admin.token.clone())];
    for (fate, email) in
        [("logged out", EMAIL), ("disabled", OTHER), ("deleted", "carl@example.com"), ("live", "dora@example.com")]
    {
        let account = service.account(email).await;
        let id = account.id.clone();
        match fate {
            "logged out" => log_out(&service, &account.token).await,
            "disabled" => {
                let request = DisableUserRequest { id, ..DisableUserRequest::default() };
                service.users().disable_user(with_token(request, &admin.token)).await.unwrap();
            }
            "deleted" => {
                let request = DeleteUserRequest { id, ..DeleteUserRequest::default() };
                service.users().delete_user(with_token(request, &admin.token)).await.unwrap();
            }
            _ => {}
        }
        tokens.push((fate, account.token));
    }
    let (old, clock) = service.stop().await;
    // Each round has a new database, made in the same second in which the tokens were issued. Only the first round's
    // settings create an admin.
    for settings in [settings(), Settings { secret: Some(SECRET), ..Settings::default() }] {
        let service = start_in(folder(), clock.clone(), settings).await;
        for (fate, token) in &tokens {
            assert_eq!(service.state(token).await, TokenState::Revoked, "{fate}");
        }
        let own = service.token().await;
        assert_eq!(service.state(&own).await, TokenState::Active);
        assert_eq!(part(&own, 1)["iat"], clock.now().timestamp(), "its issue time is the present second");
    }
    drop(old);
}

#[tokio::test]
async fn replicas_with_different_clocks_share_tokens() {
    for (one, other) in [(0, 10), (10, 0), (-10, 0), (10, -10), (3600, 0), (0, 3600)] {
        let Some(database) = testkit::postgres::database().await else { return };
        let off = |seconds| Clock::wrong(TimeDelta::seconds(seconds));
        let services = [start_at_with(&database.url, off(one)).await, start_at_with(&database.url, off(other)).await];
        services[0].register(EMAIL).await.unwrap();
        for from in [0, 1] {
            let token = fresh_token(&services[from], EMAIL).await;
            for at in &services {
                assert_eq!(at.state(&token).await, TokenState::Active, "{one} {other}");
            }
            let request = RevokeAllSessionsRequest { user_id: "me".into() };
            services[from].sessions().revoke_all_sessions(with_token(request, &token)).await.unwrap();
            assert_eq!(services[from].state(&token).await, TokenState::Revoked);
            let refused = async { while services[1 - from].state(&token).await != TokenState::Revoked {} };
            tokio::time::timeout(Duration::from_secs(2), refused).await.unwrap();
        }
    }
}

#[tokio::test]
async fn token_from_the_future_is_good_within_leeway() {
    let Some(database) = testkit::postgres::database().await else { return };
    for (leeway, ahead, expected) in [
        ("1s", 1, TokenState::Active),
        ("1s", 2, TokenState::Invalid),
        ("5s", 5, TokenState::Active),
        ("5s", 6, TokenState::Invalid),
        ("60s", 60, TokenState::Active),
        ("60s", 61, TokenState::Invalid),
    ] {
        // The database server's time is ignored for manual clocks, so each replica uses only its own clock.
        let start = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let clock = |seconds| Clock::manual(start + TimeDelta::seconds(seconds));
        let flags = ["--clock-leeway", leeway];
        let issuer = start_at_by(&database.url, clock(ahead), &flags).await;
        let email = format!("ada{leeway}{ahead}@example.com");
        let token = issuer.account(&email).await.token;
        assert_eq!(issuer.state(&token).await, TokenState::Active);
        let behind = start_at_by(&database.url, clock(0), &flags).await;
        assert_eq!(behind.state(&token).await, expected, "{ahead} s ahead, leeway {leeway}");
        behind.clock.advance(Duration::from_secs(1));
        assert_eq!(behind.state(&token).await, TokenState::Active, "its issue time has come");
        drop((issuer.stop().await, behind.stop().await));
    }
}

#[tokio::test]
async fn leeway_above_a_minute_is_refused() {
    for (leeway, is_allowed) in [("60s", true), ("61s", false), ("999ms", false)] {
        let args = ["auth-service", "--clock-leeway", leeway];
        let flags = parse(args.into_iter().map(Into::into), Environment::new(|_| None), &[]).unwrap();
        let config = AuthConfig::new(flags, Environment::new(|_| None), testkit::clock());
        assert_eq!(config.is_ok(), is_allowed, "{leeway}");
    }
}

#[tokio::test]
async fn wrong_clock_is_named_and_measured() {
    let Some(database) = testkit::postgres::database().await else { return };
    for off in [0, 10, -60] {
        let service = start_at_with(&database.url, Clock::wrong(TimeDelta::seconds(off))).await;
        service.login(EMAIL, PASSWORD).await.unwrap_err();
        let (ready, metrics) = (get(service.ops, "/readyz").await, get(service.ops, "/metrics").await.body);
        let line = metrics.lines().find_map(|line| line.strip_prefix("gatepost_clock_offset_seconds "));
        let measured: f64 = line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap();
        assert_eq!(ready.status, 200);
        // The machine may have been busy between request and answer.
        assert!((measured - f64::from(i16::try_from(off).unwrap())).abs() < 2.0, "{measured}");
        if off == 0 {
            assert_eq!(ready.body, "ready\n");
        } else {
            assert!(ready.body.starts_with("ready, but the clock is "), "{}", ready.body);
            let way = if off > 0 {
                " s ahead of the database server's: set it\n"
            } else {
                " s behind the database server's: set it\n"
            };
            assert!(ready.body.ends_with(way), "{}", ready.body);
        }
        drop(service.stop().await);
    }
}
