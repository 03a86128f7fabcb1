//! `ListAuditEvents`: pages, filters and the role that it needs.

use std::time::Duration;

use gatepost::api::auth::v1::{AuditEvent, AuditEventFilter, AuditEventKind as Kind, ListAuditEventsRequest};
use prost_types::Timestamp;
use tonic::Code;

use super::audit::{WRONG, events, list, only, with_admin};
use super::support::{EMAIL, bad_fields, refused};

#[tokio::test]
async fn page_token_is_bound_to_its_filter() {
    let (service, admin) = with_admin().await;
    for _ in 0..5 {
        service.login("nobody@example.com", WRONG).await.unwrap_err();
        service.clock.advance(Duration::from_mins(1));
    }
    let request =
        |token: &str, filter| ListAuditEventsRequest { filter: Some(filter), page_size: 2, page_token: token.into() };
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let page = list(&service, &admin.token, request(&token, only(Kind::LoginFailed))).await.unwrap();
        seen.extend(page.events);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        let other = list(&service, &admin.token, request(&token, only(Kind::LoginSucceeded))).await.unwrap_err();
        assert_eq!(other.code(), Code::InvalidArgument, "{other:?}");
    }
    assert!(seen.len() == 5 && seen.is_sorted_by(|one, next| one.id > next.id), "{seen:?}");
    let time = |event: &AuditEvent| event.time;
    let between = AuditEventFilter { from_time: time(&seen[3]), until_time: time(&seen[1]), ..only(Kind::LoginFailed) };
    let between = events(&service, &admin, between).await;
    assert_eq!(between.iter().map(|event| &event.id).collect::<Vec<_>>(), [&seen[3].id, &seen[2].id]);
    let of_admin = AuditEventFilter { actor: admin.id.clone(), ..AuditEventFilter::default() };
    let of_admin = events(&service, &admin, of_admin).await;
    assert!(of_admin.len() == 1 && of_admin[0].kind() == Kind::LoginSucceeded, "{of_admin:?}");
}

#[tokio::test]
async fn bad_filter_names_its_fields() {
    let (service, admin) = with_admin().await;
    let far = Some(Timestamp { seconds: i64::MAX, nanos: 0 });
    let filter = AuditEventFilter {
        actor: "a".repeat(257),
        subject: "s".repeat(257),
        kind: 99,
        from_time: far,
        until_time: Some(Timestamp { seconds: 0, nanos: -1 }),
    };
    let request = ListAuditEventsRequest { filter: Some(filter), page_size: -1, page_token: String::new() };
    let mut fields = bad_fields(&list(&service, &admin.token, request).await.unwrap_err());
    fields.sort();
    let wanted =
        ["filter.actor", "filter.from_time", "filter.kind", "filter.subject", "filter.until_time", "page_size"];
    assert_eq!(fields, wanted);
    for text in ["a\0b", "a b", "\u{e4}", "\n"] {
        let filter = AuditEventFilter { actor: text.into(), subject: text.into(), ..AuditEventFilter::default() };
        let request = ListAuditEventsRequest { filter: Some(filter), ..ListAuditEventsRequest::default() };
        let status = list(&service, &admin.token, request).await.unwrap_err();
        assert_eq!(bad_fields(&status), ["filter.actor", "filter.subject"], "{text:?}");
    }
    let ada = service.account(EMAIL).await;
    let status = list(&service, &ada.token, ListAuditEventsRequest::default()).await.unwrap_err();
    refused(&status, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
}
