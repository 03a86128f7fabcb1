//! What each RPC records in the audit log, and that no event holds a secret.

use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{
    AuditEvent, AuditEventFilter, AuditEventKind as Kind, ChangePasswordRequest, DeleteUserRequest, DisableUserRequest,
    EnableUserRequest, ListAuditEventsRequest, ListAuditEventsResponse, ListSessionsRequest, LoginRequest,
    LogoutRequest, RefreshTokenRequest, RevokeAllSessionsRequest, RevokeSessionRequest, UpdateUserRequest, UserPatch,
};
use testkit::Outsider;
use testkit::http::get;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::support::{
    ADMIN, Account, EMAIL, PASSWORD, SERVICE_KEY, Service, Settings, start_in, start_with, with_token,
};

pub(super) const WRONG: &str = "a wrong password";
const OTHER: &str = "purple monkey dishwasher tango";
const BOB: &str = "bob@example.com";

pub(super) async fn with_admin() -> (Service, Account) {
    let service = start_with(Settings { admin: true, service_key: Some(SERVICE_KEY), ..Settings::default() }).await;
    let admin = service.admin().await;
    (service, admin)
}

pub(super) async fn list(
    service: &Service,
    token: &str,
    request: ListAuditEventsRequest,
) -> Result<ListAuditEventsResponse, Status> {
    Ok(service.audit().list_audit_events(with_token(request, token)).await?.into_inner())
}

/// Returns the events that match the filter, oldest first.
pub(super) async fn events(service: &Service, admin: &Account, filter: AuditEventFilter) -> Vec<AuditEvent> {
    let request = ListAuditEventsRequest { filter: Some(filter), page_size: 1000, page_token: String::new() };
    let mut events = list(service, &admin.token, request).await.unwrap().events;
    events.reverse();
    events
}

pub(super) fn only(kind: Kind) -> AuditEventFilter {
    AuditEventFilter { kind: kind.into(), ..AuditEventFilter::default() }
}

/// Returns the kind, the actor, the subject and the names in the detail of each event about users, oldest first, after
/// the first `skipped` ones.
async fn summaries(service: &Service, admin: &Account, names: &[(&str, &str)], skipped: usize) -> Vec<String> {
    let name =
        |id: &str| names.iter().find(|(_, known)| *known == id).map_or(id.to_owned(), |(name, _)| (*name).into());
    let all = events(service, admin, AuditEventFilter::default()).await;
    let of_users = all.iter().filter(|event| !event.subject.starts_with("key:"));
    let summaries = of_users.skip(skipped).map(|event| {
        let detail: Vec<_> = event.detail.split(' ').map(|pair| pair.split('=').next().unwrap()).collect();
        let kind = event.kind().as_str_name().trim_start_matches("AUDIT_EVENT_KIND_");
        format!("{kind} {}>{} {}", name(&event.actor), name(&event.subject), detail.join(",")).trim_end().to_owned()
    });
    summaries.collect()
}

/// Returns a client at another address of this machine.
fn elsewhere(service: &Service, last: u8) -> AuthServiceClient<Channel> {
    let channel = Endpoint::from_shared(format!("http://{}", service.address)).unwrap();
    AuthServiceClient::new(channel.local_address(Some([127, 0, 0, last].into())).connect_lazy())
}

fn login_with(email: &str, password: &str) -> LoginRequest {
    LoginRequest { email: email.into(), password: password.into(), ..LoginRequest::default() }
}

#[tokio::test]
async fn start_records_the_first_key_and_admin() {
    let (service, admin) = with_admin().await;
    let summaries = summaries(&service, &admin, &[("root", admin.id.as_str())], 0).await;
    assert_eq!(summaries, ["USER_CREATED system>root roles", "LOGIN_SUCCEEDED root>root session"]);
    let keys = events(&service, &admin, only(Kind::SigningKeyAdded)).await;
    assert!(keys.len() == 1 && keys[0].actor == "system" && keys[0].subject.starts_with("key:"), "{keys:?}");
    assert!(keys[0].detail.starts_with("sign_time=20") && keys[0].peer.is_empty(), "{keys:?}");
}

#[tokio::test]
async fn each_change_of_a_user_names_its_parties() {
    let (service, admin) = with_admin().await;
    let ada = service.account(EMAIL).await;
    let names = [("root", admin.id.as_str()), ("ada", ada.id.as_str())];
    let (mut users, id, etag) = (service.users(), ada.id.clone(), String::new());
    let patch = Some(UserPatch { email: Some("new@example.com".into()), name: None });
    let email = UpdateUserRequest { id: "me".into(), patch, current_password: PASSWORD.into(), ..Default::default() };
    users.update_user(with_token(email, &ada.token)).await.unwrap();
    let patch = Some(UserPatch { email: None, name: Some("Ada L.".into()) });
    let name = UpdateUserRequest { id: "me".into(), patch, ..Default::default() };
    users.update_user(with_token(name, &ada.token)).await.unwrap();
    let change = ChangePasswordRequest { current_password: PASSWORD.into(), new_password: OTHER.into() };
    users.change_password(with_token(change, &ada.token)).await.unwrap();
    service.set_roles(&admin, &id, &["editor", "seller"]).await.unwrap();
    service.set_roles(&admin, &id, &["seller"]).await.unwrap();
    service.set_roles(&admin, &id, &["seller"]).await.unwrap();
    for _ in ["changes", "changes nothing"] {
        let request = DisableUserRequest { id: id.clone(), etag: etag.clone() };
        users.disable_user(with_token(request, &admin.token)).await.unwrap();
    }
    users.enable_user(with_token(EnableUserRequest { id: id.clone(), etag }, &admin.token)).await.unwrap();
    let stale = DeleteUserRequest { id: id.clone(), etag: "r99".into() };
    users.delete_user(with_token(stale, &admin.token)).await.unwrap_err();
    users.delete_user(with_token(DeleteUserRequest { id, etag: String::new() }, &admin.token)).await.unwrap();
    let summaries = summaries(&service, &admin, &names, 2).await;
    let wanted = [
        "USER_CREATED >ada session",
        "EMAIL_CHANGED ada>ada",
        "PASSWORD_CHANGED ada>ada session",
        "ROLES_CHANGED root>ada before,after",
        "ROLES_CHANGED root>ada before,after",
        "USER_DISABLED root>ada",
        "USER_ENABLED root>ada",
        "USER_DELETED root>ada",
    ];
    assert_eq!(summaries, wanted);
    let roles = events(&service, &admin, only(Kind::RolesChanged)).await;
    assert_eq!(details(&roles), ["before= after=editor,seller", "before=editor,seller after=seller"]);
}

/// Returns the detail of each event.
fn details(events: &[AuditEvent]) -> Vec<&str> {
    events.iter().map(|event| event.detail.as_str()).collect()
}

#[tokio::test]
async fn each_end_of_a_session_names_its_parties() {
    let flags = &["--user-sessions", "2"];
    let service = start_with(Settings { admin: true, flags, ..Settings::default() }).await;
    let (admin, ada) = (service.admin().await, service.account(EMAIL).await);
    let names = [("root", admin.id.as_str()), ("ada", ada.id.as_str())];
    service.auth().logout(with_token(LogoutRequest {}, &ada.token)).await.unwrap();
    let [first, second, third] = [(); 3].map(|()| service.login(EMAIL, PASSWORD));
    let (first, _) = (first.await.unwrap(), second.await.unwrap());
    service.clock.advance(Duration::from_secs(1));
    let third = third.await.unwrap().tokens.unwrap();
    let request = ListSessionsRequest { user_id: ada.id.clone(), ..Default::default() };
    let sessions = service.sessions().list_sessions(with_token(request, &admin.token)).await.unwrap().into_inner();
    let revoke = RevokeSessionRequest { id: sessions.sessions[1].id.clone() };
    service.sessions().revoke_session(with_token(revoke.clone(), &admin.token)).await.unwrap();
    service.sessions().revoke_session(with_token(revoke, &admin.token)).await.unwrap_err();
    // Uses a refresh token of the session that the quota has ended, and one whose successor was used already.
    let refresh = |token: &str| {
        let request = RefreshTokenRequest { refresh_token: token.into(), ..Default::default() };
        let mut auth = service.auth();
        async move { auth.refresh_token(request).await.map(|answer| answer.into_inner().tokens.unwrap()) }
    };
    refresh(&first.tokens.unwrap().refresh_token).await.unwrap_err();
    let next = refresh(&third.refresh_token).await.unwrap();
    refresh(&next.refresh_token).await.unwrap();
    service.clock.advance(Duration::from_mins(2));
    refresh(&third.refresh_token).await.unwrap_err();
    let all = RevokeAllSessionsRequest { user_id: ada.id.clone() };
    service.sessions().revoke_all_sessions(with_token(all, &admin.token)).await.unwrap();
    let wanted = [
        "USER_CREATED >ada session",
        "LOGGED_OUT ada>ada session",
        "LOGIN_SUCCEEDED ada>ada session",
        "LOGIN_SUCCEEDED ada>ada session",
        "LOGIN_SUCCEEDED ada>ada session",
        "SESSION_REVOKED system>ada session,reason",
        "SESSION_REVOKED root>ada session",
        "REFRESH_TOKEN_REUSED >ada session",
        "ALL_SESSIONS_REVOKED root>ada",
    ];
    let summaries = summaries(&service, &admin, &names, 2).await;
    assert_eq!(summaries, wanted, "refreshes have no events");
}

/// The caller learns none of these reasons.
#[tokio::test]
async fn failed_logins_have_their_reasons() {
    let (service, admin) = with_admin().await;
    let (ada, bob) = (service.account(EMAIL).await, service.account(BOB).await);
    service.login("nobody@example.com", WRONG).await.unwrap_err();
    service.login(EMAIL, WRONG).await.unwrap_err();
    let disable = DisableUserRequest { id: bob.id.clone(), etag: String::new() };
    service.users().disable_user(with_token(disable, &admin.token)).await.unwrap();
    service.login(BOB, PASSWORD).await.unwrap_err();
    let change = ChangePasswordRequest { current_password: WRONG.into(), new_password: OTHER.into() };
    service.users().change_password(with_token(change, &ada.token)).await.unwrap_err();
    let failed = events(&service, &admin, only(Kind::LoginFailed)).await;
    let summaries: Vec<_> = failed.iter().map(|event| (event.subject.as_str(), event.detail.as_str())).collect();
    let (ada_id, bob_id) = (ada.id.as_str(), bob.id.as_str());
    let wanted = [("", "reason=unknown_user"), (ada_id, "reason=wrong_password"), (bob_id, "reason=disabled_user")];
    assert_eq!(summaries, wanted);
    assert!(failed.iter().all(|event| event.actor.is_empty() && event.peer == "127.0.0.1"), "{failed:?}");
    let proofs = events(&service, &admin, only(Kind::PasswordCheckFailed)).await;
    assert_eq!((proofs.len(), &proofs[0].actor, &proofs[0].subject), (1, &ada.id, &ada.id));
    assert_eq!(details(&proofs), ["reason=wrong_password"]);
}

#[tokio::test]
async fn lock_and_barred_login_are_recorded() {
    let (service, admin) = with_admin().await;
    let ada = service.account(EMAIL).await;
    service.register(BOB).await.unwrap();
    // The network of Bob is known; Ada has never logged in there.
    elsewhere(&service, 2).login(login_with(BOB, PASSWORD)).await.unwrap();
    for _ in 0..4 {
        elsewhere(&service, 3).login(login_with(EMAIL, WRONG)).await.unwrap_err();
    }
    let status = elsewhere(&service, 3).login(login_with(EMAIL, WRONG)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let status = elsewhere(&service, 2).login(login_with(EMAIL, PASSWORD)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let locked = events(&service, &admin, only(Kind::AccountLocked)).await;
    assert_eq!((locked.len(), &locked[0].subject, locked[0].peer.as_str()), (1, &ada.id, "127.0.0.3"));
    assert_eq!(details(&locked), ["failures=4 wait_seconds=1"]);
    let failed = events(&service, &admin, only(Kind::LoginFailed)).await;
    assert_eq!(failed.len(), 5, "an attempt that must wait leaves no event");
    assert_eq!(failed.last().unwrap().detail, "reason=barred");
}

#[tokio::test]
async fn events_have_the_callers_ids() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const REQUEST: &str = "0198d7a1-52f0-7d0a-9d2e-0d1f5b3c9a11";
    let (service, admin) = with_admin().await;
    service.register(EMAIL).await.unwrap();
    let mut request = Request::new(login_with(EMAIL, PASSWORD));
    request.metadata_mut().insert("x-request-id", REQUEST.parse().unwrap());
    request.metadata_mut().insert("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01").parse().unwrap());
    service.auth().login(request).await.unwrap();
    let event = events(&service, &admin, only(Kind::LoginSucceeded)).await.pop().unwrap();
    assert_eq!((event.request_id.as_str(), event.trace_id.as_str()), (REQUEST, TRACE));
    assert!(event.user_agent.contains("tonic/") && event.peer == "127.0.0.1", "{event:?}");
    // Any other text in these headers may be a secret.
    let mut request = Request::new(login_with(EMAIL, PASSWORD));
    request.metadata_mut().insert("x-request-id", admin.token.parse().unwrap());
    request.metadata_mut().insert("traceparent", admin.token.parse().unwrap());
    service.auth().login(request).await.unwrap();
    let event = events(&service, &admin, only(Kind::LoginSucceeded)).await.pop().unwrap();
    assert_eq!((event.request_id.as_str(), event.trace_id.as_str()), ("", ""));
}

/// Anyone can cause refusals. All of them are counted, but only a sample is recorded.
#[tokio::test]
async fn refused_calls_are_sampled_and_counted() {
    const METHOD: &str = "method=/gatepost.auth.v1.AuditService/ListAuditEvents reason=NOT_ALLOWED";
    let (service, admin) = with_admin().await;
    let ada = service.account(EMAIL).await;
    for _ in 0..30 {
        service.auth().logout(LogoutRequest {}).await.unwrap_err();
        service.auth().logout(with_token(LogoutRequest {}, "garbage")).await.unwrap_err();
    }
    for token in [&ada.token, SERVICE_KEY] {
        list(&service, token, ListAuditEventsRequest::default()).await.unwrap_err();
    }
    let denied = loop {
        let denied = events(&service, &admin, only(Kind::CallDenied)).await;
        if denied.len() == 12 {
            break denied;
        }
        assert!(denied.len() < 12, "{denied:?}");
    };
    let page = get(service.ops, "/metrics").await.body;
    assert!(page.contains("gatepost_audit_denials_unrecorded_total 50\n"), "{page}");
    let admins: Vec<_> = denied.iter().filter(|event| event.detail.contains("NOT_ALLOWED")).collect();
    let parties: Vec<_> = admins.iter().map(|event| event.actor.as_str()).collect();
    assert_eq!(parties, [ada.id.as_str(), "service:service"]);
    assert!(admins.iter().all(|event| event.detail == METHOD), "{admins:?}");
    let others: Vec<_> = denied.iter().filter(|event| event.actor.is_empty()).collect();
    assert_eq!(others.len(), 10, "bad tokens do not hide missing roles");
    assert!(
        others.iter().all(|event| event.peer == "127.0.0.1" && event.detail.contains("AuthService/Logout reason="))
    );
}

/// An email typed into the wrong field may be a password, so failed logins of unknown accounts keep no text at all.
#[tokio::test]
async fn events_hold_no_secret_and_no_email() {
    let (service, admin) = with_admin().await;
    let created = service.register(EMAIL).await.unwrap();
    let tokens = created.tokens.unwrap();
    service.login("my.secret.passphrase@example.com", WRONG).await.unwrap_err();
    service.login(EMAIL, WRONG).await.unwrap_err();
    service.auth().logout(with_token(LogoutRequest {}, "garbage-token")).await.unwrap_err();
    let change = ChangePasswordRequest { current_password: PASSWORD.into(), new_password: OTHER.into() };
    let changed = service.users().change_password(with_token(change, &tokens.access_token)).await.unwrap().into_inner();
    let changed = changed.tokens.unwrap();
    service.auth().logout(with_token(LogoutRequest {}, &changed.access_token)).await.unwrap();
    while events(&service, &admin, only(Kind::CallDenied)).await.is_empty() {}
    let text = format!("{:?}", events(&service, &admin, AuditEventFilter::default()).await);
    let secrets = [PASSWORD, WRONG, OTHER, "passphrase", "garbage-token", EMAIL, ADMIN, SERVICE_KEY];
    let tokens = [&tokens.access_token, &changed.access_token, &admin.token, &changed.refresh_token];
    // The end of a token is its signature or its secret.
    for secret in secrets.into_iter().chain(tokens.map(|token| &token[token.len() - 20..])) {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn outage_is_unavailable_and_leaves_no_event() {
    let (service, admin) = with_admin().await;
    let ada = service.account(EMAIL).await;
    let mut outsider = Outsider::open(service.database()).await;
    outsider.run("create trigger refuse before insert on audit_events begin select raise(abort, 'no room'); end").await;
    let request = DisableUserRequest { id: ada.id.clone(), etag: String::new() };
    let status = service.users().disable_user(with_token(request.clone(), &admin.token)).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    service.login(EMAIL, PASSWORD).await.unwrap_err();
    outsider.run("drop trigger refuse").await;
    outsider.close().await;
    service.login(EMAIL, PASSWORD).await.expect("the user was not disabled");
    assert!(events(&service, &admin, only(Kind::UserDisabled)).await.is_empty());
    service.users().disable_user(with_token(request, &admin.token)).await.unwrap();
    assert_eq!(events(&service, &admin, only(Kind::UserDisabled)).await.len(), 1);
}

/// The sweep at the start does the same work as the sweep of each minute.
#[tokio::test]
async fn sweep_erases_deleted_users_and_old_events() {
    let (service, admin) = with_admin().await;
    let ada = service.account(EMAIL).await;
    let delete = DeleteUserRequest { id: ada.id.clone(), etag: String::new() };
    service.users().delete_user(with_token(delete, &admin.token)).await.unwrap();
    let (folder, clock) = service.stop().await;
    let flags = &["--audit-retention", "1d"];
    let service = start_in(folder, clock, Settings { admin: true, flags, ..Settings::default() }).await;
    let admin = service.admin().await;
    let of_ada = AuditEventFilter { subject: ada.id.clone(), ..AuditEventFilter::default() };
    while !events(&service, &admin, of_ada.clone()).await.is_empty() {}
    let created = events(&service, &admin, only(Kind::UserCreated)).await;
    let pseudonym = created.last().unwrap().subject.clone();
    assert!(pseudonym.starts_with("erased-") && pseudonym.len() == 39, "{pseudonym}");
    assert_eq!(events(&service, &admin, only(Kind::UserDeleted)).await[0].subject, "erased");

    let (folder, clock) = service.stop().await;
    clock.advance(Duration::from_hours(25));
    let service = start_in(folder, clock, Settings { admin: true, flags, ..Settings::default() }).await;
    let admin = service.admin().await;
    while !events(&service, &admin, only(Kind::UserCreated)).await.is_empty() {}
    let left = events(&service, &admin, AuditEventFilter::default()).await;
    assert!(left.iter().all(|event| event.kind() == Kind::LoginSucceeded) && !left.is_empty(), "{left:?}");
}
