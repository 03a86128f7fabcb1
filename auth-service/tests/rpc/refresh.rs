//! Refresh tokens: each works once, a lost answer is repeated, and reuse of an old token ends the session.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use gatepost::api::auth::v1::{
    ChangePasswordRequest, DeleteUserRequest, DisableUserRequest, ListSessionsRequest, LogoutRequest,
    RefreshTokenRequest, RevokeAllSessionsRequest, Session, TokenPair, TokenState,
};
use prost_types::Timestamp;
use testkit::Outsider;
use testkit::start as begin;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::support::{EMAIL, PASSWORD, Service, Settings, refused, start, start_with, with_token};

const INVALID: &str = "the refresh token is unknown, or its session is over: log in again";
const REUSED: &str = "the refresh token has been used before, and its session is ended: log in again";
const DAY: TimeDelta = TimeDelta::hours(24);
const GRACE: TimeDelta = TimeDelta::minutes(1);
const OVERLAP: TimeDelta = TimeDelta::seconds(10);

async fn refresh(service: &Service, token: &str) -> Result<TokenPair, Status> {
    let request = RefreshTokenRequest { refresh_token: token.into(), ..RefreshTokenRequest::default() };
    Ok(service.auth().refresh_token(request).await?.into_inner().tokens.unwrap())
}

#[track_caller]
fn invalid(status: &Status) {
    refused(status, Code::Unauthenticated, "REFRESH_TOKEN_INVALID", INVALID);
}

#[track_caller]
fn reused(status: &Status) {
    refused(status, Code::Unauthenticated, "REFRESH_TOKEN_REUSED", REUSED);
}

/// Starts a service with a user, and returns it with the first tokens of a session.
async fn begun() -> (Service, TokenPair) {
    let service = start().await;
    let tokens = service.register(EMAIL).await.unwrap().tokens.unwrap();
    (service, tokens)
}

async fn sessions(service: &Service, token: &str) -> Vec<Session> {
    let request = with_token(ListSessionsRequest::default(), token);
    service.sessions().list_sessions(request).await.unwrap().into_inner().sessions
}

/// Advances the clock.
fn pass(service: &Service, span: TimeDelta) {
    service.clock.advance(span.to_std().unwrap());
}

fn at(passed: TimeDelta) -> Timestamp {
    std::time::SystemTime::from(begin() + passed).into()
}

/// C31: a refresh gives the next pair, and the session continues.
#[tokio::test]
async fn refresh_gives_next_pair_and_session_continues() {
    let (service, first) = begun().await;
    assert_eq!((first.access_expire_time, first.refresh_expire_time), (Some(at(DAY)), Some(at(DAY * 7))));
    pass(&service, DAY / 2);
    let second = refresh(&service, &first.refresh_token).await.unwrap();
    assert_eq!(
        (second.access_expire_time, second.refresh_expire_time),
        (Some(at(DAY * 3 / 2)), Some(at(DAY * 15 / 2)))
    );
    assert_ne!(second.access_token, first.access_token);
    assert_ne!(second.refresh_token, first.refresh_token);
    for token in [&first.access_token, &second.access_token] {
        assert_eq!(service.state(token).await, TokenState::Active, "an earlier access token stays good");
    }
    let listed = sessions(&service, &second.access_token).await;
    assert_eq!(listed.len(), 1, "one row per session");
    assert_eq!((listed[0].create_time, listed[0].last_refresh_time), (Some(at(TimeDelta::zero())), Some(at(DAY / 2))));
    assert!(listed[0].current && listed[0].user_agent.starts_with("tonic/"));
    let third = refresh(&service, &second.refresh_token).await.unwrap();
    assert_ne!(third.refresh_token, second.refresh_token);
}

/// C33: a lost answer is given again for a minute.
#[tokio::test]
async fn refresh_lost_answer_is_repeated_for_a_minute() {
    let (service, first) = begun().await;
    let second = refresh(&service, &first.refresh_token).await.unwrap();
    pass(&service, GRACE - TimeDelta::microseconds(1));
    for _ in 0..3 {
        let again = refresh(&service, &first.refresh_token).await.unwrap();
        assert_eq!(again.refresh_token, second.refresh_token, "the same successor");
        assert_eq!(service.state(&again.access_token).await, TokenState::Active);
    }
    let third = refresh(&service, &second.refresh_token).await.unwrap();
    assert_eq!(service.state(&third.access_token).await, TokenState::Active);
}

/// C32: a parent token used late ends the session.
#[tokio::test]
async fn refresh_with_a_late_parent_ends_the_session() {
    let (service, first) = begun().await;
    let second = refresh(&service, &first.refresh_token).await.unwrap();
    pass(&service, GRACE);
    reused(&refresh(&service, &first.refresh_token).await.unwrap_err());
    for token in [&first.access_token, &second.access_token] {
        assert_eq!(service.state(token).await, TokenState::Revoked);
    }
    invalid(&refresh(&service, &second.refresh_token).await.unwrap_err());
    invalid(&refresh(&service, &first.refresh_token).await.unwrap_err());
    service.login(EMAIL, PASSWORD).await.unwrap();
}

/// C32: a token older than the parent ends the session at once.
#[tokio::test]
async fn refresh_with_an_older_token_ends_the_session() {
    let (service, first) = begun().await;
    let mut tokens = vec![first];
    for _ in 0..3 {
        let next = refresh(&service, &tokens.last().unwrap().refresh_token).await.unwrap();
        tokens.push(next);
    }
    reused(&refresh(&service, &tokens[1].refresh_token).await.unwrap_err());
    for pair in &tokens {
        assert_eq!(service.state(&pair.access_token).await, TokenState::Revoked);
        invalid(&refresh(&service, &pair.refresh_token).await.unwrap_err());
    }
}

/// C33: a second lost answer within four refreshes ends the session.
#[tokio::test]
async fn second_lost_answer_in_four_ends_the_session() {
    let (service, mut current) = begun().await;
    for lost in [true, false, false, false, true, false, false] {
        let next = refresh(&service, &current.refresh_token).await.unwrap();
        if lost {
            pass(&service, OVERLAP);
            refresh(&service, &current.refresh_token).await.unwrap();
        }
        current = next;
    }
    // An answer was lost three refreshes ago. This one is the second within four.
    let next = refresh(&service, &current.refresh_token).await.unwrap();
    pass(&service, OVERLAP);
    reused(&refresh(&service, &current.refresh_token).await.unwrap_err());
    assert_eq!(service.state(&next.access_token).await, TokenState::Revoked);
}

#[tokio::test]
async fn without_grace_any_reuse_ends_the_session() {
    let settings = Settings { flags: &["--refresh-grace", "0s"], ..Settings::default() };
    let service = start_with(settings).await;
    let first = service.register(EMAIL).await.unwrap().tokens.unwrap();
    let second = refresh(&service, &first.refresh_token).await.unwrap();
    reused(&refresh(&service, &first.refresh_token).await.unwrap_err());
    assert_eq!(service.state(&second.access_token).await, TokenState::Revoked);
}

/// C33: a token that never belonged to a session ends no session.
#[tokio::test]
async fn refresh_with_a_guessed_token_ends_nothing() {
    let (service, first) = begun().await;
    let second = refresh(&service, &first.refresh_token).await.unwrap();
    // The session is right, the secret is wrong.
    let mut guessed = second.refresh_token.clone();
    let other = if guessed[40..].starts_with('A') { "B" } else { "A" };
    guessed.replace_range(40..41, other);
    let long = format!("gpr_{}", "A".repeat(5000));
    for token in ["", "gpr_", "garbage", &guessed, &first.access_token, &long, &second.refresh_token[4..]] {
        invalid(&refresh(&service, token).await.unwrap_err());
    }
    assert_eq!(service.state(&second.access_token).await, TokenState::Active);
    refresh(&service, &second.refresh_token).await.unwrap();
}

/// C7: a refresh token is refused as an access token.
#[tokio::test]
async fn refresh_token_is_not_an_access_token() {
    let (service, first) = begun().await;
    assert_eq!(service.state(&first.refresh_token).await, TokenState::Invalid);
    let request = with_token(LogoutRequest {}, &first.refresh_token);
    refused(
        &service.auth().logout(request).await.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_INVALID",
        "invalid token",
    );
}

/// C34: one branch survives a hundred refreshes at once.
#[tokio::test]
async fn hundred_refreshes_at_once_leave_one_branch() {
    let (service, first) = begun().await;
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (mut auth, refresh_token) = (service.auth(), first.refresh_token.clone());
        calls.spawn(async move {
            auth.refresh_token(RefreshTokenRequest { refresh_token, ..RefreshTokenRequest::default() }).await
        });
    }
    let answers = calls.join_all().await;
    let successors: BTreeSet<String> =
        answers.into_iter().map(|answer| answer.unwrap().into_inner().tokens.unwrap().refresh_token).collect();
    assert_eq!(successors.len(), 1, "all got the same successor");
    let next = refresh(&service, successors.first().unwrap()).await.unwrap();
    assert_eq!(sessions(&service, &next.access_token).await.len(), 1);
}

/// C35: a session ends if it is not refreshed in time, and in any case after a month.
#[tokio::test]
async fn session_ends_unrefreshed_and_after_a_month() {
    let (service, first) = begun().await;
    pass(&service, DAY * 7 - TimeDelta::microseconds(1));
    let mut current = refresh(&service, &first.refresh_token).await.unwrap();
    pass(&service, DAY * 7);
    invalid(&refresh(&service, &current.refresh_token).await.unwrap_err());

    current = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap();
    let began = DAY * 14 - TimeDelta::microseconds(1);
    for week in 1..5 {
        pass(&service, DAY * 7 - TimeDelta::seconds(1));
        current = refresh(&service, &current.refresh_token).await.unwrap();
        let idle = began + DAY * 7 * (week + 1) - TimeDelta::seconds(1) * week;
        assert_eq!(current.refresh_expire_time, Some(at(idle.min(began + DAY * 30))));
    }
    // The last tokens end with the session.
    pass(&service, DAY * 2 - TimeDelta::seconds(1));
    current = refresh(&service, &current.refresh_token).await.unwrap();
    let end = at(began + DAY * 30);
    assert_eq!(current.refresh_expire_time, Some(end));
    assert_eq!(current.access_expire_time.unwrap().seconds, end.seconds);
    pass(&service, TimeDelta::seconds(5));
    invalid(&refresh(&service, &current.refresh_token).await.unwrap_err());
}

/// A session is listed and can be revoked until its last access token has expired.
#[tokio::test]
async fn session_is_listed_until_its_last_token_expires() {
    let settings = Settings { flags: &["--refresh-idle-ttl", "1d"], ..Settings::default() };
    let service = start_with(settings).await;
    let first = service.register(EMAIL).await.unwrap().tokens.unwrap();
    pass(&service, DAY - TimeDelta::seconds(1));
    assert_eq!(sessions(&service, &first.access_token).await.len(), 1);
    let second = refresh(&service, &first.refresh_token).await.unwrap();
    pass(&service, DAY - TimeDelta::seconds(1));
    assert_eq!(sessions(&service, &second.access_token).await.len(), 1);
    service.auth().logout(with_token(LogoutRequest {}, &second.access_token)).await.unwrap();
    assert_eq!(service.state(&second.access_token).await, TokenState::Revoked);
}

/// C37, C38: the refresh token dies with its session, however the session ends.
#[tokio::test]
async fn end_of_a_session_ends_its_refresh_token() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    for way in ["logout", "all", "password", "disabled", "deleted"] {
        let created = service.register(&format!("{way}@example.com")).await.unwrap();
        let (user, tokens) = (created.user.unwrap(), created.tokens.unwrap());
        let own = &tokens.access_token;
        match way {
            "logout" => drop(service.auth().logout(with_token(LogoutRequest {}, own)).await.unwrap()),
            "all" => {
                let request = RevokeAllSessionsRequest { user_id: "me".into() };
                service.sessions().revoke_all_sessions(with_token(request, own)).await.unwrap();
            }
            "password" => {
                let (current_password, new_password) = (PASSWORD.into(), "wrong horse battery staple".into());
                let request = ChangePasswordRequest { current_password, new_password };
                let changed = service.users().change_password(with_token(request, own)).await.unwrap().into_inner();
                refresh(&service, &changed.tokens.unwrap().refresh_token).await.unwrap();
            }
            "disabled" => {
                let request = DisableUserRequest { id: user.id, etag: String::new() };
                service.users().disable_user(with_token(request, &admin.token)).await.unwrap();
            }
            _ => {
                let request = DeleteUserRequest { id: "me".into(), etag: String::new() };
                service.users().delete_user(with_token(request, own)).await.unwrap();
            }
        }
        invalid(&refresh(&service, &tokens.refresh_token).await.unwrap_err());
    }
}

#[tokio::test]
async fn refreshed_access_token_has_current_roles() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    let created = service.register(EMAIL).await.unwrap();
    let (user, tokens) = (created.user.unwrap(), created.tokens.unwrap());
    service.set_roles(&admin, &user.id, &["editor", "writer"]).await.unwrap();
    service.set_roles(&admin, &user.id, &["editor"]).await.unwrap();
    assert_eq!(service.state(&tokens.access_token).await, TokenState::Revoked, "a lost role ends older tokens");
    let next = refresh(&service, &tokens.refresh_token).await.unwrap();
    let request = gatepost::api::auth::v1::VerifyTokenRequest { token: next.access_token };
    let claims = service.tokens().verify_token(request).await.unwrap().into_inner().claims.unwrap();
    assert_eq!((claims.roles, claims.generation), (vec!["editor".to_owned()], 2));
}

/// C41: a refresh token still works after a database outage.
#[tokio::test]
async fn token_is_still_good_after_a_database_outage() {
    let (service, first) = begun().await;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.lock().await;
    for _ in 0..2 {
        let status = refresh(&service, &first.refresh_token).await.unwrap_err();
        let message = "the database cannot be reached now, try again in a moment";
        refused(&status, Code::Unavailable, "STORE_UNAVAILABLE", message);
    }
    outsider.close().await;
    let second = refresh(&service, &first.refresh_token).await.unwrap();
    refresh(&service, &second.refresh_token).await.unwrap();
}

/// C36: the database holds no token and no secret.
#[tokio::test]
async fn database_holds_no_token_and_no_secret() {
    let (service, first) = begun().await;
    let second = refresh(&service, &first.refresh_token).await.unwrap();
    let (folder, _) = service.stop().await;
    let mut dump = Vec::new();
    for name in ["auth.db", "auth.db-wal"] {
        dump.extend(std::fs::read(folder.path().join(name)).unwrap_or_default());
    }
    assert!(dump.len() > 4096);
    let holds = |part: &[u8]| dump.windows(part.len()).any(|window| window == part);
    assert!(holds(EMAIL.as_bytes()), "the search reads the database");
    for pair in [&first, &second] {
        let text = pair.refresh_token.strip_prefix("gpr_").unwrap();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text).unwrap();
        assert!(holds(&bytes[..16]), "the search finds the session's id");
        assert!(!holds(&bytes[16..]) && !holds(text.as_bytes()) && !holds(pair.access_token.as_bytes()));
        assert!(!holds(pair.access_token.rsplit('.').next().unwrap().as_bytes()));
    }
}
