//! `WatchAuditEvents` sends each event once, even across reconnects and restarts, and while other replicas write.

use std::collections::HashSet;

use gatepost::api::auth::v1::{
    AuditEvent, AuditEventFilter, AuditEventKind as Kind, LogoutRequest, RevokeAllSessionsRequest,
    WatchAuditEventsRequest, WatchAuditEventsResponse,
};
use testkit::postgres::server;
use tokio::task::JoinSet;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::audit::{events, with_admin};
use super::support::{
    ADMIN, Account, EMAIL, PASSWORD, Service, Settings, bad_fields, refused, start_at, start_in, with_token,
};

const EXPIRED: &str =
    "events after the cursor were deleted, or the database was restored: list the events, and watch without a cursor";

/// Opens a stream, and reads its first message. Returns the stream and the cursor of this message, which has no event.
async fn open(
    service: &Service,
    token: &str,
    cursor: &str,
    kind: Kind,
) -> Result<(Streaming<WatchAuditEventsResponse>, String), Status> {
    let filter = Some(AuditEventFilter { kind: kind.into(), ..AuditEventFilter::default() });
    let request = with_token(WatchAuditEventsRequest { filter, cursor: cursor.into() }, token);
    let mut stream = service.audit().watch_audit_events(request).await?.into_inner();
    let first = stream.message().await?.unwrap();
    assert_eq!(first.event, None);
    Ok((stream, first.cursor))
}

/// Reads messages up to the next event. Returns the event and its cursor.
async fn next(stream: &mut Streaming<WatchAuditEventsResponse>) -> (AuditEvent, String) {
    loop {
        let message = stream.message().await.unwrap().unwrap();
        if let Some(event) = message.event {
            return (event, message.cursor);
        }
    }
}

/// Causes the event of a failed login.
async fn fail(service: &Service) {
    service.login("nobody@example.com", "a wrong password").await.unwrap_err();
    // After a wrong password the next attempt may have to wait, so an hour passes.
    service.clock.advance(std::time::Duration::from_hours(1));
}

#[tokio::test]
async fn stream_begins_now_and_resumes_by_cursor() {
    let (service, admin) = with_admin().await;
    fail(&service).await;
    let (mut stream, begin) = open(&service, &admin.token, "", Kind::Unspecified).await.unwrap();
    service.register(EMAIL).await.unwrap();
    let (created, after) = next(&mut stream).await;
    assert_eq!(created.kind(), Kind::UserCreated, "earlier events are not sent");
    service.login(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(next(&mut stream).await.0.kind(), Kind::LoginSucceeded);
    drop(stream);

    let (mut stream, cursor) = open(&service, &admin.token, &after, Kind::Unspecified).await.unwrap();
    assert_eq!((cursor, next(&mut stream).await.0.kind()), (after.clone(), Kind::LoginSucceeded));
    let (mut again, _) = open(&service, &admin.token, &begin, Kind::Unspecified).await.unwrap();
    assert_eq!(next(&mut again).await, (created, after));
}

#[tokio::test]
async fn filtered_stream_moves_its_cursor() {
    let (service, admin) = with_admin().await;
    let (mut stream, begin) = open(&service, &admin.token, "", Kind::UserCreated).await.unwrap();
    fail(&service).await;
    let moved = stream.message().await.unwrap().unwrap();
    assert!(moved.event.is_none() && moved.cursor != begin, "{moved:?}");
    service.register(EMAIL).await.unwrap();
    assert_eq!(next(&mut stream).await.0.kind(), Kind::UserCreated);
}

#[tokio::test]
async fn stream_resumes_after_a_restart() {
    let (service, admin) = with_admin().await;
    let (mut stream, cursor) = open(&service, &admin.token, "", Kind::LoginFailed).await.unwrap();
    fail(&service).await;
    let (first, after) = next(&mut stream).await;
    fail(&service).await;
    let (folder, clock) = service.stop().await;
    assert!(matches!(stream.message().await, Ok(None | Some(_)) | Err(_)));
    drop(stream);
    let service = start_in(folder, clock, Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    let all = events(&service, &admin, AuditEventFilter { kind: Kind::LoginFailed.into(), ..Default::default() }).await;
    assert_eq!(all.len(), 2);
    let (mut stream, _) = open(&service, &admin.token, &cursor, Kind::LoginFailed).await.unwrap();
    assert_eq!([next(&mut stream).await.0, next(&mut stream).await.0], [first, all[1].clone()]);
    let (mut stream, _) = open(&service, &admin.token, &after, Kind::LoginFailed).await.unwrap();
    assert_eq!(next(&mut stream).await.0, all[1], "without loss and without a duplicate");
}

/// Two replicas write at the same time. A watcher of either replica sees each event once, even across reconnects. Both
/// watchers see the same order.
#[tokio::test(flavor = "multi_thread")]
async fn watchers_miss_no_event_of_another_replica() {
    const WRITERS: usize = 12;
    let Some(server) = server().await else { return };
    let (one, two) = (start_at(&server.url("postgres")).await, start_at(&server.url("postgres")).await);
    let admin = admin_of(&one, &server.url("postgres")).await;
    let (_, begin) = open(&one, &admin.token, "", Kind::LoginSucceeded).await.unwrap();
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let service = if number % 2 == 0 { &one } else { &two };
        let (mut auth, email) = (service.auth(), format!("user{number}@example.com"));
        service.register(&email).await.unwrap();
        writers.spawn(async move {
            for _ in 0..4 {
                let request = gatepost::api::auth::v1::LoginRequest {
                    email: email.clone(),
                    password: PASSWORD.into(),
                    ..Default::default()
                };
                auth.login(request).await.unwrap();
            }
        });
    }
    let mut orders = Vec::new();
    for service in [&one, &two] {
        let (mut cursor, mut seen) = (begin.clone(), Vec::new());
        while seen.len() < WRITERS * 4 {
            let (mut stream, _) = open(service, &admin.token, &cursor, Kind::LoginSucceeded).await.unwrap();
            for _ in 0..5.min(WRITERS * 4 - seen.len()) {
                let (event, after) = next(&mut stream).await;
                cursor = after;
                seen.push(event.id);
            }
        }
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), WRITERS * 4, "an event came twice");
        orders.push(seen);
    }
    writers.join_all().await;
    assert_eq!(orders[0], orders[1]);
}

/// Registers a user, gives the user the admin role in the database as an operator's command does, and logs the user in.
async fn admin_of(service: &Service, url: &str) -> Account {
    use auth_service::domain::{Actor, AuditEventId, AuditKind, EntryFingerprint, NewAuditEvent, Roles, Stamp};
    use auth_service::store::AuthStore;
    let id = service.account(ADMIN).await.id;
    let store = AuthStore::open_beside(&url.parse().unwrap()).await.unwrap();
    let stamp = Stamp { fingerprint: EntryFingerprint(kit::random::bytes()), time: service.clock.now() };
    let event = NewAuditEvent::new(AuditEventId::MAX, stamp.time, AuditKind::RolesChanged, Actor::Operator.into());
    store.set_roles(id.parse().unwrap(), &Roles::admin(), None, stamp, &event).await.unwrap().unwrap();
    store.close().await;
    service.admin().await
}

#[tokio::test]
async fn stream_ends_with_its_token() {
    let (service, admin) = with_admin().await;
    let ended = async |mut stream: Streaming<WatchAuditEventsResponse>| loop {
        match stream.message().await {
            Ok(message) => assert!(message.is_some(), "the stream ended without a status"),
            Err(status) => return status.get_details_error_info().unwrap().reason,
        }
    };
    let (stream, _) = open(&service, &admin.token, "", Kind::Unspecified).await.unwrap();
    service.auth().logout(with_token(LogoutRequest {}, &admin.token)).await.unwrap();
    assert_eq!(ended(stream).await, "TOKEN_REVOKED");
    let admin = service.admin().await;
    let (stream, _) = open(&service, &admin.token, "", Kind::Unspecified).await.unwrap();
    let all = RevokeAllSessionsRequest { user_id: "me".into() };
    service.sessions().revoke_all_sessions(with_token(all, &admin.token)).await.unwrap();
    assert_eq!(ended(stream).await, "TOKEN_REVOKED");
}

#[tokio::test]
async fn expired_cursor_is_out_of_range() {
    let (service, admin) = with_admin().await;
    let (mut stream, begin) = open(&service, &admin.token, "", Kind::Unspecified).await.unwrap();
    for _ in 0..3 {
        fail(&service).await;
    }
    let mut last = String::new();
    for _ in 0..3 {
        last = next(&mut stream).await.1;
    }
    drop(stream);
    for bad in ["x", "AAAA", &format!("{last}A"), &format!("{last}=")] {
        let status = open(&service, &admin.token, bad, Kind::Unspecified).await.unwrap_err();
        assert_eq!(bad_fields(&status), ["cursor"], "{bad}");
    }
    let (folder, clock) = service.stop().await;
    let mut outsider = testkit::Outsider::open(folder.path().join("auth.db")).await;
    // Delete all events but the last, as the sweep does with old events.
    outsider.run("delete from audit_events where position <= (select max(position) - 1 from audit_events)").await;
    outsider.run("update audit_head set pruned = position - 1").await;
    outsider.close().await;
    let service = start_in(folder, clock, Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    let status = open(&service, &admin.token, &begin, Kind::Unspecified).await.unwrap_err();
    refused(&status, Code::OutOfRange, "CURSOR_EXPIRED", EXPIRED);
    open(&service, &admin.token, &last, Kind::Unspecified).await.unwrap();

    // Give the log another id, as a restore does.
    let (folder, clock) = service.stop().await;
    let mut outsider = testkit::Outsider::open(folder.path().join("auth.db")).await;
    outsider.run("update log_head set log_id = randomblob(16)").await;
    outsider.close().await;
    let service = start_in(folder, clock, Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    let status = open(&service, &admin.token, &last, Kind::Unspecified).await.unwrap_err();
    refused(&status, Code::OutOfRange, "CURSOR_EXPIRED", EXPIRED);
}

#[tokio::test]
async fn at_most_sixteen_streams_are_open() {
    let (service, admin) = with_admin().await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(open(&service, &admin.token, "", Kind::Unspecified).await.unwrap());
    }
    let status = open(&service, &admin.token, "", Kind::Unspecified).await.unwrap_err();
    let text = "this replica has 16 streams of audit events already: end one, or try again later";
    refused(&status, Code::ResourceExhausted, "OVERLOADED", text);
    streams.pop();
    while open(&service, &admin.token, "", Kind::Unspecified).await.is_err() {}
    let ada = service.account(EMAIL).await;
    let status = open(&service, &ada.token, "", Kind::Unspecified).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
}
