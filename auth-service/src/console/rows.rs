//! Rows of results: cells for people, and documents for programs.

use chrono::{DateTime, SecondsFormat};
use gatepost::api::auth::v1;
use kit::cli::ListedRow;
use prost_types::Timestamp;
use serde::Serialize;

/// Cell without a value.
const NOTHING: &str = "-";

/// User, as commands print it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct UserRow {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) roles: Vec<String>,
    pub(super) create_time: Option<String>,
    pub(super) update_time: Option<String>,
    pub(super) last_login_time: Option<String>,
    pub(super) failed_attempts: i32,
    pub(super) lock_expire_time: Option<String>,
    pub(super) etag: String,
}

impl UserRow {
    pub(super) fn new(user: v1::User) -> Self {
        Self {
            state: match user.state() {
                v1::UserState::Active => "active",
                v1::UserState::Disabled => "disabled",
                v1::UserState::Unspecified => "unknown",
            },
            create_time: user.create_time.map(time),
            update_time: user.update_time.map(time),
            last_login_time: user.last_login_time.map(time),
            lock_expire_time: user.lock_expire_time.map(time),
            failed_attempts: user.failed_attempts,
            id: user.id,
            email: user.email,
            name: user.name,
            roles: user.roles,
            etag: user.etag,
        }
    }
}

impl ListedRow for UserRow {
    const HEADINGS: &'static [&'static str] = &["ID", "EMAIL", "STATE", "ROLES", "LAST LOGIN", "LOCKED UNTIL", "NAME"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.email.clone(),
            self.state.to_owned(),
            joined(&self.roles),
            cell(self.last_login_time.as_deref()),
            cell(self.lock_expire_time.as_deref()),
            self.name.clone(),
        ]
    }
}

/// Session, as commands print it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SessionRow {
    pub(super) id: String,
    pub(super) create_time: Option<String>,
    pub(super) last_refresh_time: Option<String>,
    pub(super) expire_time: Option<String>,
    pub(super) peer: String,
    pub(super) user_agent: String,
    /// Set for the session of the command's own token.
    pub(super) current: bool,
}

impl SessionRow {
    pub(super) fn new(session: v1::Session) -> Self {
        Self {
            id: session.id,
            create_time: session.create_time.map(time),
            last_refresh_time: session.last_refresh_time.map(time),
            expire_time: session.expire_time.map(time),
            peer: session.peer,
            user_agent: session.user_agent,
            current: session.current,
        }
    }
}

impl ListedRow for SessionRow {
    const HEADINGS: &'static [&'static str] =
        &["ID", "CREATED", "REFRESHED", "EXPIRES", "PEER", "CURRENT", "USER AGENT"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            cell(self.create_time.as_deref()),
            cell(self.last_refresh_time.as_deref()),
            cell(self.expire_time.as_deref()),
            cell(Some(&self.peer)),
            if self.current { "yes" } else { NOTHING }.to_owned(),
            self.user_agent.clone(),
        ]
    }
}

/// Event of the audit log, as commands print it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) time: Option<String>,
    pub(super) kind: String,
    pub(super) actor: String,
    pub(super) subject: String,
    pub(super) peer: String,
    pub(super) user_agent: String,
    pub(super) request_id: String,
    pub(super) trace_id: String,
    pub(super) detail: String,
    /// Place after this event, for `audit tail --cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cursor: Option<String>,
}

/// Beginning of each kind's name in the contract.
pub(super) const KIND_PREFIX: &str = "AUDIT_EVENT_KIND_";

impl EventRow {
    pub(super) fn new(event: v1::AuditEvent, cursor: Option<String>) -> Self {
        let kind = event.kind().as_str_name().trim_start_matches(KIND_PREFIX).to_owned();
        Self {
            // A later version may have more kinds.
            kind: if event.kind() == v1::AuditEventKind::Unspecified { format!("KIND_{}", event.kind) } else { kind },
            id: event.id,
            time: event.time.map(time),
            actor: event.actor,
            subject: event.subject,
            peer: event.peer,
            user_agent: event.user_agent,
            request_id: event.request_id,
            trace_id: event.trace_id,
            detail: event.detail,
            cursor,
        }
    }
}

impl ListedRow for EventRow {
    const HEADINGS: &'static [&'static str] = &["TIME", "KIND", "ACTOR", "SUBJECT", "PEER", "DETAIL"];

    fn cells(&self) -> Vec<String> {
        let texts = [self.time.as_deref(), Some(&self.kind), Some(&self.actor), Some(&self.subject), Some(&self.peer)];
        texts.into_iter().map(cell).chain([self.detail.clone()]).collect()
    }
}

/// Returns the time in the form of RFC 3339, in UTC.
pub(super) fn time(time: Timestamp) -> String {
    let nanos = u32::try_from(time.nanos).unwrap_or_default();
    let time = DateTime::from_timestamp(time.seconds, nanos).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Returns the words with commas, or a dash.
pub(super) fn joined(words: &[String]) -> String {
    cell(Some(&words.join(",")))
}

/// Returns the text, or a dash without one.
pub(super) fn cell(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or(NOTHING).to_owned()
}
