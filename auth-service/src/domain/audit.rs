//! Audit events: security events with their actor, subject and circumstances.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{ApiKeyId, AuditEventId, AuditKind, Client, SessionId, UserId};

/// Largest detail in bytes.
const MAX_DETAIL: usize = 512;

/// Largest value in bytes, so that two of them fit.
const MAX_VALUE: usize = 192;

/// Mark of a value that is cut.
const CUT: &str = "…";

/// Party that causes an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// Caller without a valid token.
    #[default]
    Anonymous,
    /// User.
    User(UserId),
    /// Service with this name.
    Service(String),
    /// Service with this API key.
    ApiKey(ApiKeyId),
    /// Operator, by a command on the database.
    Operator,
    /// The service itself.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => Ok(()),
            Self::User(id) => id.fmt(formatter),
            Self::Service(name) => write!(formatter, "service:{name}"),
            Self::ApiKey(id) => write!(formatter, "api-key:{id}"),
            Self::Operator => formatter.write_str("operator"),
            Self::System => formatter.write_str("system"),
        }
    }
}

/// Circumstances of a call, as its events record them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditContext {
    /// Bearer of the call's token.
    pub actor: Actor,
    /// Client of the call.
    pub client: Client,
    /// UUID of the request; empty if the caller gave none.
    pub request_id: String,
    /// Id of the request's trace; empty if the caller gave none.
    pub trace_id: String,
}

impl From<&AuditContext> for AuditContext {
    fn from(context: &AuditContext) -> Self {
        context.clone()
    }
}

impl From<Actor> for AuditContext {
    fn from(actor: Actor) -> Self {
        Self { actor, ..Self::default() }
    }
}

/// Facts of an event besides its fields: pairs of a name and a value, separated by blanks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditDetail(String);

impl AuditDetail {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds a pair. Blanks of the value become commas. A value beyond 192 bytes is cut and ends with `…`, and a pair
    /// beyond 512 bytes is left out.
    fn push(&mut self, name: &str, value: &str) {
        let blank = if self.0.is_empty() { "" } else { " " };
        let value = value.replace(' ', ",");
        let value = match value.len() {
            ..=MAX_VALUE => value,
            _ => format!("{}{CUT}", &value[..value.floor_char_boundary(MAX_VALUE - CUT.len())]),
        };
        let pair = format!("{blank}{name}={value}");
        if self.0.len() + pair.len() <= MAX_DETAIL {
            self.0.push_str(&pair);
        }
    }
}

/// Event to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditEvent {
    /// Id of the row. A repeated write of the same event has no effect.
    pub id: AuditEventId,
    /// Time of the event.
    pub time: DateTime<Utc>,
    /// Kind of the event.
    pub kind: AuditKind,
    /// Actor, and circumstances of the call.
    pub context: AuditContext,
    /// Subject: a user's id, `key:` or `api-key:` and a key's id; empty for none.
    pub subject: String,
    /// Further facts.
    pub detail: AuditDetail,
}

impl NewAuditEvent {
    /// Creates an event without a subject and detail.
    pub fn new(id: AuditEventId, time: DateTime<Utc>, kind: AuditKind, context: AuditContext) -> Self {
        Self { id, time, kind, context, subject: String::new(), detail: AuditDetail::default() }
    }

    /// Sets the user who is the subject.
    #[must_use]
    pub fn about_user(mut self, user: UserId) -> Self {
        self.subject = user.to_string();
        self
    }

    /// Sets the signing key that is the subject.
    #[must_use]
    pub fn about_key(mut self, key: &str) -> Self {
        self.subject = format!("key:{key}");
        self
    }

    /// Sets the API key that is the subject.
    #[must_use]
    pub fn about_api_key(mut self, key: ApiKeyId) -> Self {
        self.subject = Actor::ApiKey(key).to_string();
        self
    }

    /// Sets the user as the actor, who has just proved the password.
    #[must_use]
    pub fn by_user(mut self, user: UserId) -> Self {
        self.context.actor = Actor::User(user);
        self.about_user(user)
    }

    /// Adds a session to the detail.
    #[must_use]
    pub fn session(self, session: SessionId) -> Self {
        self.with("session", &session.to_string())
    }

    /// Adds a fact to the detail. Neither name nor value may be a secret, or a text that a caller chooses.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.detail.push(name, value);
        self
    }
}

/// Event as its row stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Id of the row.
    pub id: AuditEventId,
    /// Time of the event.
    pub time: DateTime<Utc>,
    /// Kind; `None` if a later version has written one that this version does not know.
    pub kind: Option<AuditKind>,
    /// Actor, in the form of [`Actor`]'s text, or the pseudonym of a deleted user.
    pub actor: String,
    /// Subject, or the pseudonym of a deleted user; empty for none.
    pub subject: String,
    /// Client of the call.
    pub client: Client,
    /// UUID of the request, or empty.
    pub request_id: String,
    /// Id of the request's trace, or empty.
    pub trace_id: String,
    /// Further facts.
    pub detail: String,
}

/// Filter of events; all fields that are set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Actor of the events.
    pub actor: Option<String>,
    /// Subject of the events.
    pub subject: Option<String>,
    /// Kind of the events.
    pub kind: Option<AuditKind>,
    /// Earliest time of the events.
    pub from: Option<DateTime<Utc>>,
    /// Time before which the events happened.
    pub until: Option<DateTime<Utc>>,
}

impl AuditFilter {
    /// Returns true if the event matches.
    pub fn matches(&self, event: &AuditEvent) -> bool {
        self.actor.as_ref().is_none_or(|actor| *actor == event.actor)
            && self.subject.as_ref().is_none_or(|subject| *subject == event.subject)
            && self.kind.is_none_or(|kind| event.kind == Some(kind))
            && self.from.is_none_or(|from| event.time >= from)
            && self.until.is_none_or(|until| event.time < until)
    }
}

/// Event with its place in the order of watchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedAuditEvent {
    /// Place; later events have greater ones.
    pub position: i64,
    /// The event.
    pub event: AuditEvent,
}

/// Limits of the stored events.
#[derive(Clone, Copy, Debug)]
pub struct AuditRetention {
    /// Time for which an event is kept.
    pub age: std::time::Duration,
    /// Largest number of events.
    pub events: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> NewAuditEvent {
        let context = AuditContext::from(Actor::System);
        NewAuditEvent::new(AuditEventId::from_u128(1), DateTime::UNIX_EPOCH, AuditKind::RolesChanged, context)
    }

    #[test]
    fn detail_has_pairs_and_a_largest_size() {
        let changed = event().with("before", "").with("after", "admin editor").with("reason", "x");
        assert_eq!(changed.detail.as_str(), "before= after=admin,editor reason=x");
        let long = event().with("before", &"2".repeat(193)).with("after", &"é".repeat(200)).with("c", "3");
        let cut = format!("before={}… after={}… c=3", "2".repeat(189), "é".repeat(94));
        assert_eq!(long.detail.as_str(), cut);
        let full = ["a", "b", "c", "d"].iter().fold(event(), |event, name| event.with(name, &"2".repeat(192)));
        assert_eq!(full.with("e", "3").detail.as_str(), format!("a={0} b={0} e=3", "2".repeat(192)));
    }

    #[test]
    fn actor_has_one_text() {
        let actors = [Actor::Anonymous, Actor::Service("blog".into()), Actor::Operator, Actor::System];
        assert_eq!(actors.map(|actor| actor.to_string()), ["", "service:blog", "operator", "system"]);
        let ada = UserId::from_u128(1);
        let event = event().by_user(ada);
        assert_eq!((event.context.actor.to_string(), event.subject), (ada.to_string(), ada.to_string()));
    }
}
