//! Samples the calls that the guard refuses: anyone can cause them, and each row costs room in the audit log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gatepost::Token;
use kit::rate_limiter::RateLimiter;
use kit::shutdown::Shutdown;
use tokio::sync::mpsc;

use super::App;
use super::introspect::VerifiedBearer;
use crate::domain::{Actor, AuditContext, AuditKind};

/// Rows a minute for each class of refusals.
const ROWS_PER_MINUTE: u64 = 10;

/// Refusals that wait for the database. More are counted only.
const QUEUE_LENGTH: usize = 32;

/// Class of refusals. Each class has its own sample, so that bad tokens hide no missing roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DenialClass {
    /// Good token, without the role of the method.
    Role,
    /// Missing or bad token.
    Token,
}

/// Refused call that gets a row.
pub(crate) struct Denial {
    /// Circumstances of the call; the actor is not known yet.
    pub(crate) context: AuditContext,
    pub(crate) token: Option<Token>,
    /// Path of a method of the contract, or a word for all others.
    pub(crate) method: String,
    pub(crate) reason: &'static str,
    /// Refusals of the class since its last row.
    pub(crate) left_out: u64,
}

/// Sample of the refused calls.
pub(crate) struct Denials {
    limiter: RateLimiter<DenialClass>,
    roles_left_out: AtomicU64,
    tokens_left_out: AtomicU64,
    unrecorded: AtomicU64,
    queue: mpsc::Sender<Denial>,
}

impl Denials {
    /// Creates the sample, and the queue of its rows.
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<Denial>) {
        let (queue, rows) = mpsc::channel(QUEUE_LENGTH);
        let limiter = RateLimiter::new(ROWS_PER_MINUTE);
        let (roles_left_out, tokens_left_out, unrecorded) = Default::default();
        (Arc::new(Self { limiter, roles_left_out, tokens_left_out, unrecorded, queue }), rows)
    }

    /// Returns the number of refusals without a row since the last one, if this refusal gets a row. Otherwise counts it.
    pub(crate) fn permit(&self, class: DenialClass, now: chrono::DateTime<chrono::Utc>) -> Option<u64> {
        let left_out = match class {
            DenialClass::Role => &self.roles_left_out,
            DenialClass::Token => &self.tokens_left_out,
        };
        if self.limiter.take(class, 1, now).is_ok() {
            return Some(left_out.swap(0, Relaxed));
        }
        left_out.fetch_add(1, Relaxed);
        self.unrecorded.fetch_add(1, Relaxed);
        None
    }

    /// Queues the row of a refusal. Never waits.
    pub(crate) fn queue(&self, denial: Denial) {
        if self.queue.try_send(denial).is_err() {
            self.unrecorded.fetch_add(1, Relaxed);
        }
    }

    /// Returns the number of refusals without a row since the start.
    pub(crate) fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Relaxed)
    }

    /// Records the queued rows until `stop`.
    pub(crate) async fn record(&self, app: &App, mut rows: mpsc::Receiver<Denial>, stop: Shutdown) {
        let recording = async {
            while let Some(denial) = rows.recv().await {
                self.record_one(app, denial).await;
            }
        };
        let _: Option<()> = stop.run_until_cancelled(Box::pin(recording)).await;
    }

    async fn record_one(&self, app: &App, denial: Denial) {
        let Denial { mut context, token, method, reason, left_out } = denial;
        if let Some(token) = &token {
            context.actor = actor(app, token).await;
        }
        let event = app.audit.event(AuditKind::CallDenied, context).with("method", &method).with("reason", reason);
        let event = if left_out > 0 { event.with("left_out", &left_out.to_string()) } else { event };
        // The refusal has been answered and counted. The outage of the database has its own log line.
        if app.store.record_audit_event(&event).await.is_err() {
            self.unrecorded.fetch_add(1, Relaxed);
        }
    }
}

/// Returns the bearer of the token, if the token is active.
async fn actor(app: &App, token: &Token) -> Actor {
    match app.introspector.introspect(Some(token)).await.map(|introspected| introspected.bearer) {
        Ok(VerifiedBearer::User(token)) => Actor::User(token.claims().sub),
        Ok(VerifiedBearer::Service(name)) => Actor::Service(name.to_string()),
        Ok(VerifiedBearer::Inactive(_)) | Err(_) => Actor::Anonymous,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    #[test]
    fn each_class_has_its_own_sample() {
        let (denials, _rows) = Denials::new();
        let start: DateTime<Utc> = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let tokens: Vec<_> = (0..100).filter_map(|_| denials.permit(DenialClass::Token, start)).collect();
        assert_eq!((tokens, denials.unrecorded()), (vec![0; 10], 90));
        assert_eq!(denials.permit(DenialClass::Role, start), Some(0));
        let later = start + TimeDelta::seconds(7);
        assert_eq!([later, later].map(|now| denials.permit(DenialClass::Token, now)), [Some(90), None]);
    }
}
