//! Listing and ending a user's sessions.

use std::time::Duration;

use gatepost::api::auth::v1::{
    ListSessionsRequest, ListSessionsResponse, RevokeAllSessionsRequest, RevokeSessionRequest, TokenState,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{
    EMAIL, PASSWORD, SERVICE_KEY, Service, Settings, bad_fields, refused, start, start_with, with_token,
};

const ABSENT: &str = "01900000-0000-7000-8000-0000000000ff";

async fn list(service: &Service, token: &str, user_id: &str) -> Result<ListSessionsResponse, Status> {
    let request = ListSessionsRequest { user_id: user_id.into(), ..ListSessionsRequest::default() };
    Ok(service.sessions().list_sessions(with_token(request, token)).await?.into_inner())
}

async fn revoke(service: &Service, token: &str, id: &str) -> Result<(), Status> {
    let request = RevokeSessionRequest { id: id.into() };
    service.sessions().revoke_session(with_token(request, token)).await.map(drop)
}

async fn revoke_all(service: &Service, token: &str, user_id: &str) -> Result<(), Status> {
    let request = RevokeAllSessionsRequest { user_id: user_id.into() };
    service.sessions().revoke_all_sessions(with_token(request, token)).await.map(drop)
}

async fn login(service: &Service) -> String {
    service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token
}

/// C39: users see only their own sessions, newest first.
#[tokio::test]
async fn user_lists_own_sessions_newest_first() {
    let service = start().await;
    let ada = service.account(EMAIL).await;
    service.clock.advance(Duration::from_secs(5));
    let second = login(&service).await;
    for user_id in ["", "me", &ada.id] {
        let sessions = list(&service, &second, user_id).await.unwrap().sessions;
        assert_eq!(sessions.iter().map(|session| session.current).collect::<Vec<_>>(), [true, false], "{user_id}");
        let began = std::time::SystemTime::from(testkit::start() + Duration::from_secs(5));
        assert_eq!(sessions[0].create_time, Some(began.into()));
        assert_eq!(sessions[0].last_refresh_time, sessions[0].create_time);
        let ends = std::time::SystemTime::from(testkit::start() + Duration::from_secs(5 + 30 * 24 * 3600));
        assert_eq!(sessions[0].expire_time, Some(ends.into()));
        assert_eq!(sessions[0].peer, "127.0.0.1");
        assert!(sessions[0].user_agent.starts_with("tonic/"), "{}", sessions[0].user_agent);
    }
    service.clock.advance(Duration::from_secs(7 * 24 * 3600 - 5));
    let third = login(&service).await;
    assert_eq!(
        list(&service, &third, "").await.unwrap().sessions.len(),
        2,
        "a session that was not refreshed in time is not listed"
    );
}

#[tokio::test]
async fn session_pages_are_bound_to_their_user() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let (admin, ada, bob) =
        (service.admin().await, service.account(EMAIL).await, service.account("bob@example.com").await);
    login(&service).await;
    let page = |user_id: &str, token: &str| {
        let request = ListSessionsRequest { user_id: user_id.into(), page_size: 1, page_token: token.into() };
        let request = with_token(request, &admin.token);
        let mut sessions = service.sessions();
        async move { sessions.list_sessions(request).await.map(tonic::Response::into_inner) }
    };
    let first = page(&ada.id, "").await.unwrap();
    let second = page(&ada.id, &first.next_page_token).await.unwrap();
    assert_eq!((first.sessions.len(), second.sessions.len(), second.next_page_token.as_str()), (1, 1, ""));
    assert!(first.sessions[0].id > second.sessions[0].id);
    let status = page(&bob.id, &first.next_page_token).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "PAGE_TOKEN_INVALID");
}

/// C37, C39: a revoked session is dead, and the others live.
#[tokio::test]
async fn revoked_session_is_dead_and_others_live() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let (admin, ada, bob) =
        (service.admin().await, service.account(EMAIL).await, service.account("bob@example.com").await);
    let second = login(&service).await;
    let sessions = list(&service, &ada.token, "").await.unwrap().sessions;
    let (newer, older) = (&sessions[0].id, &sessions[1].id);

    let status = revoke(&service, &bob.token, newer).await.unwrap_err();
    refused(&status, Code::NotFound, "SESSION_NOT_FOUND", "session not found");
    let resource = status.get_details_resource_info().unwrap();
    assert_eq!((resource.resource_type.as_str(), &resource.resource_name), ("gatepost.auth.v1.Session", newer));
    let absent = revoke(&service, &bob.token, ABSENT).await.unwrap_err();
    assert_eq!(absent.message(), status.message(), "another user's session looks like an unknown one");

    revoke(&service, &ada.token, newer).await.unwrap();
    assert_eq!(service.state(&second).await, TokenState::Revoked);
    assert_eq!(service.state(&ada.token).await, TokenState::Active);
    let status = revoke(&service, &ada.token, newer).await.unwrap_err();
    refused(&status, Code::NotFound, "SESSION_NOT_FOUND", "session not found");
    assert_eq!(list(&service, &ada.token, "").await.unwrap().sessions.len(), 1);
    revoke(&service, &admin.token, older).await.unwrap();
    assert_eq!(service.state(&ada.token).await, TokenState::Revoked);
    assert_eq!(bad_fields(&revoke(&service, &admin.token, "me").await.unwrap_err()), ["id"]);
}

/// C38: all sessions end at once, and a new login lives.
#[tokio::test]
async fn all_sessions_end_at_once_and_new_login_lives() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let (admin, ada, bob) =
        (service.admin().await, service.account(EMAIL).await, service.account("bob@example.com").await);
    let status = revoke_all(&service, &bob.token, &ada.id).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    for (token, whose) in [(&ada.token, "me"), (&admin.token, ada.id.as_str())] {
        let before = login(&service).await;
        revoke_all(&service, token, whose).await.unwrap();
        for dead in [&ada.token, &before] {
            assert_eq!(service.state(dead).await, TokenState::Revoked);
        }
        let after = login(&service).await;
        assert_eq!(list(&service, &after, "").await.unwrap().sessions.len(), 1);
        assert_eq!(service.state(&bob.token).await, TokenState::Active);
    }
    let status = revoke_all(&service, &admin.token, ABSENT).await.unwrap_err();
    refused(&status, Code::NotFound, "USER_NOT_FOUND", "user not found");
    assert_eq!(bad_fields(&revoke_all(&service, &admin.token, "").await.unwrap_err()), ["user_id"]);
}

/// Only admins see sessions of other users. A service has no sessions.
#[tokio::test]
async fn only_admins_list_sessions_of_others() {
    let settings = Settings { admin: true, service_key: Some(SERVICE_KEY), ..Settings::default() };
    let service = start_with(settings).await;
    let (admin, ada, bob) =
        (service.admin().await, service.account(EMAIL).await, service.account("bob@example.com").await);
    let seen = list(&service, &admin.token, &ada.id).await.unwrap().sessions;
    assert_eq!((seen.len(), seen[0].current), (1, false));
    for (token, user_id) in [(bob.token.as_str(), ada.id.as_str()), (SERVICE_KEY, &ada.id), (SERVICE_KEY, "")] {
        let status = list(&service, token, user_id).await.unwrap_err();
        refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    }
    let status = list(&service, &bob.token, ABSENT).await.unwrap_err();
    refused(&status, Code::NotFound, "USER_NOT_FOUND", "user not found");
    assert_eq!(bad_fields(&list(&service, &bob.token, "x").await.unwrap_err()), ["user_id"]);
}
