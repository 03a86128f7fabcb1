//! Converts audit events, their filter and their cursor.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::api::auth::v1;
use kit::failure::Violation;
use prost_types::Timestamp;

use super::{instant, time};
use crate::app::audit::AuditCursor;
use crate::domain::{AuditEvent, AuditFilter, AuditKind, LogId};
use crate::error::AuthError;

/// Largest actor or subject of a filter in bytes.
const MAX_PARTY: usize = 256;

/// Reads a filter.
pub(crate) fn audit_filter(filter: Option<v1::AuditEventFilter>) -> Result<AuditFilter, AuthError> {
    let v1::AuditEventFilter { actor, subject, kind, from_time, until_time } = filter.unwrap_or_default();
    let mut violations = Vec::new();
    let mut party = |field: &'static str, text: String| {
        // PostgreSQL refuses a zero byte in a text.
        if text.len() > MAX_PARTY || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            violations.push(Violation::new(field, "must be as an event has it: at most 256 visible ASCII characters"));
        }
        Some(text).filter(|text| !text.is_empty())
    };
    let (actor, subject) = (party("filter.actor", actor), party("filter.subject", subject));
    let kind = v1::AuditEventKind::try_from(kind)
        .map_err(|_| violations.push(Violation::new("filter.kind", "must be a value of AuditEventKind")));
    let mut instant = |field: &'static str, time: Option<Timestamp>| {
        let read = time.map(|time| instant(time).ok_or(()));
        read.transpose().map_err(|()| violations.push(Violation::new(field, "must be a time from 1970 to 9999")))
    };
    let (from, until) = (instant("filter.from_time", from_time), instant("filter.until_time", until_time));
    match (kind, from, until) {
        (Ok(kind), Ok(from), Ok(until)) if violations.is_empty() => {
            Ok(AuditFilter { actor, subject, kind: known_kind(kind), from, until })
        }
        _ => Err(AuthError::InvalidFields(violations)),
    }
}

/// Returns the scope of a page token of `ListAuditEvents`. The lengths keep different filters apart.
pub(crate) fn audit_scope(filter: &AuditFilter) -> String {
    let AuditFilter { actor, subject, kind, from, until } = filter;
    let [actor, subject] = [actor, subject].map(|text| text.as_deref().unwrap_or_default());
    let times = [from, until].map(|time| time.map(|time| time.timestamp_micros()));
    format!(
        "gatepost.auth.v1.AuditService/ListAuditEvents kind={:?} times={times:?} actor={}:{actor} subject={}:{subject}",
        kind.map(AuditKind::text),
        actor.len(),
        subject.len()
    )
}

/// Writes an event.
pub(crate) fn audit_event(event: AuditEvent) -> v1::AuditEvent {
    v1::AuditEvent {
        id: event.id.to_string(),
        time: Some(time(event.time)),
        kind: event.kind.map_or(v1::AuditEventKind::Unspecified, kind).into(),
        actor: event.actor,
        subject: event.subject,
        peer: event.client.peer,
        user_agent: event.client.user_agent,
        request_id: event.request_id,
        trace_id: event.trace_id,
        detail: event.detail,
    }
}

/// Reads a cursor; `None` for an empty text.
pub(crate) fn audit_cursor(text: &str) -> Result<Option<AuditCursor>, AuthError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes: Option<[u8; 24]> = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    let parts = bytes.and_then(|bytes| Some((*bytes.first_chunk::<16>()?, *bytes.last_chunk::<8>()?)));
    let (log, position) = parts.ok_or_else(|| AuthError::violation("cursor", "must be a cursor of this method"))?;
    Ok(Some(AuditCursor { log: LogId(log), position: i64::from_be_bytes(position) }))
}

/// Writes a cursor.
pub(crate) fn cursor_text(cursor: AuditCursor) -> String {
    URL_SAFE_NO_PAD.encode([&cursor.log.0[..], &cursor.position.to_be_bytes()].concat())
}

/// Pairs each kind of the contract with that of the domain.
macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        fn kind(kind: AuditKind) -> v1::AuditEventKind {
            match kind {
                $(AuditKind::$kind => v1::AuditEventKind::$kind,)*
            }
        }

        fn known_kind(kind: v1::AuditEventKind) -> Option<AuditKind> {
            match kind {
                v1::AuditEventKind::Unspecified => None,
                $(v1::AuditEventKind::$kind => Some(AuditKind::$kind),)*
            }
        }
    };
}

kinds!(
    UserCreated,
    LoginSucceeded,
    LoginFailed,
    PasswordCheckFailed,
    AccountLocked,
    RefreshTokenReused,
    LoggedOut,
    SessionRevoked,
    AllSessionsRevoked,
    PasswordChanged,
    EmailChanged,
    RolesChanged,
    UserDisabled,
    UserEnabled,
    UserDeleted,
    SigningKeyAdded,
    SigningKeyRetired,
    SigningKeysResealed,
    SecretKeyReplaced,
    IssuerChanged,
    CallDenied,
    PasswordResetIssued,
    PasswordResetCompleted,
    PasswordResetFailed,
    UserUnlocked,
    ApiKeyCreated,
    ApiKeyUpdated,
    ApiKeyRotated,
    ApiKeyRevoked,
    CommitsLost,
);
