//! Writes audit events in the transactions of their changes, and shows each one in the log after its commit.

use std::sync::{Arc, Mutex, PoisonError};

use db::{ClosingStatements, SqlStatement, TransactionOutcome};
use gatepost::log::LogLimit;
use tokio::sync::futures::OwnedNotified;

use super::{AuthStore, StoreError};
use crate::domain::{Actor, NewAuditEvent, SessionId};

/// Limit for the lines about callers without a token, who can cause any number of them.
static ANONYMOUS_LINES: LogLimit = LogLimit::new();

/// Returns the number 1, as the answer of a transaction.
const ONE: &str = "select cast(1 as bigint)";

impl AuthStore {
    /// Records an event without a change.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is recorded.
    pub async fn record_audit_event(&self, event: &NewAuditEvent) -> Result<(), StoreError> {
        self.db.at_once(vec![insert(event), SqlStatement::new(ONE)]).await?;
        self.show(event);
        Ok(())
    }

    /// Returns a future that ends at the next event of this process.
    pub fn audit_recorded(&self) -> OwnedNotified {
        Arc::clone(&self.audit_recorded).notified_owned()
    }

    /// Publishes the events of a committed write: in the log, and to the watchers of this process.
    pub(super) fn publish(&self, recording: &Recording) {
        let events = recording.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().for_each(|event| self.show(event));
    }

    /// Shows the event if its write has changed something.
    pub(super) fn show_if(&self, is_written: bool, event: &NewAuditEvent) {
        if is_written {
            self.show(event);
        }
    }

    pub(super) fn show(&self, event: &NewAuditEvent) {
        self.audit_recorded.notify_waiters();
        let limit = (event.context.actor == Actor::Anonymous).then(|| ANONYMOUS_LINES.allow());
        if limit == Some(None) {
            return;
        }
        let left_out = limit.flatten().and_then(gatepost::log::LogPermit::left_out);
        if event.kind.is_alarming() || event.context.actor == Actor::Operator {
            line!(tracing::Level::WARN, event, left_out);
        } else {
            line!(tracing::Level::INFO, event, left_out);
        }
    }
}

/// Writes the line of an event. The level must be constant.
macro_rules! line {
    ($level:expr, $event:ident, $left_out:ident) => {
        tracing::event!(
            target: "gatepost::audit",
            $level,
            event = $event.kind.text(),
            id = %$event.id,
            actor = shown(&$event.context.actor.to_string()),
            subject = shown(&$event.subject),
            peer = shown(&$event.context.client.peer),
            user_agent = shown(&$event.context.client.user_agent),
            request_id = shown(&$event.context.request_id),
            trace_id = shown(&$event.context.trace_id),
            detail = shown($event.detail.as_str()),
            left_out = $left_out,
        )
    };
}
use line;

/// Returns the text of a field; tracing leaves out `None`.
fn shown(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Events of one write, as the last run of its transaction has recorded them.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording(Arc<Mutex<Vec<NewAuditEvent>>>);

impl Recording {
    /// Returns the statements that record these events. An earlier run of the transaction was undone.
    pub(super) fn statements(&self, events: Vec<NewAuditEvent>) -> Vec<SqlStatement> {
        let statements = events.iter().map(insert).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = events;
        statements
    }

    /// Commits a transaction together with these events.
    pub(super) fn commit<T: Send + 'static>(&self, events: Vec<NewAuditEvent>, answer: T) -> TransactionOutcome<T> {
        commit(self.statements(events), answer)
    }
}

/// Commits a transaction together with statements that record events.
pub(super) fn commit<T: Send + 'static>(mut statements: Vec<SqlStatement>, answer: T) -> TransactionOutcome<T> {
    statements.push(SqlStatement::new(ONE));
    TransactionOutcome::CommitWith(ClosingStatements::new(statements, |_| answer))
}

/// Returns the statement that records an event. A repetition has no effect.
pub(super) fn insert(event: &NewAuditEvent) -> SqlStatement {
    values(SqlStatement::new(INSERT), event)
}

/// Returns the statement that records an event if this session exists.
pub(super) fn insert_with_session(event: &NewAuditEvent, session: SessionId) -> SqlStatement {
    values(SqlStatement::new(INSERT_WITH_SESSION), event).bind(session)
}

const INSERT: &str = "insert into audit_events (id, event_time, kind, actor, subject, peer, user_agent, request_id, \
     trace_id, detail) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do nothing";

const INSERT_WITH_SESSION: &str = "insert into audit_events (id, event_time, kind, actor, subject, peer, user_agent, \
     request_id, trace_id, detail) select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 \
     where exists (select 1 from sessions where id = $11) on conflict (id) do nothing";

fn values(statement: SqlStatement, event: &NewAuditEvent) -> SqlStatement {
    let NewAuditEvent { id, time, kind, context, subject, detail } = event;
    statement
        .bind(*id.as_uuid())
        .bind(*time)
        .bind(kind.text())
        .bind(context.actor.to_string().as_str())
        .bind(subject.as_str())
        .bind(context.client.peer.as_str())
        .bind(context.client.user_agent.as_str())
        .bind(context.request_id.as_str())
        .bind(context.trace_id.as_str())
        .bind(detail.as_str())
}
