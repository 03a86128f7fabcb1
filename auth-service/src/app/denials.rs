//! Records a sample of the calls that the guard refuses. Anyone can cause such calls, and each row needs space in the
//! audit log.

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

/// Maximum number of refusals that wait for the database. Further ones are only counted.
const QUEUE_LENGTH: usize = 32;

/// Class of refusals. Each class has its own sample, so that many bad tokens do not hide missing roles.
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
    /// Path of the called method, or one word for all paths that are not in the contract.
    pub(crate) method: String,
    pub(crate) reason: &'static str,
    pub(crate) class: DenialClass,
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
        if self.limiter.take(class, 1, now).is_ok() {
            return Some(self.left_out(class).swap(0, Relaxed));
        }
        self.leave_out(class, 0);
        None
    }

    fn left_out(&self, class: DenialClass) -> &AtomicU64 {
        match class {
            DenialClass::Role => &self.roles_left_out,
            DenialClass::Token => &self.tokens_left_out,
        }
    }

    /// Counts a refusal without a row for the next row. Also counts the `earlier` refusals that its own row would have
    /// named.
    fn leave_out(&self, class: DenialClass, earlier: u64) {
        self.left_out(class).fetch_add(earlier + 1, Relaxed);
        self.unrecorded.fetch_add(1, Relaxed);
    }

    /// Queues the row of a refusal. Never waits.
    pub(crate) fn queue(&self, denial: Denial) {
        let (class, left_out) = (denial.class, denial.left_out);
        if self.queue.try_send(denial).is_err() {
            self.leave_out(class, left_out);
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
        let Denial { mut context, token, method, reason, class, left_out } = denial;
        if let Some(token) = &token {
            context.actor = actor(app, token).await;
        }
        let event = app.audit.event(AuditKind::CallDenied, context).with("method", &method).with("reason", reason);
        let event = if left_out > 0 { event.with("left_out", &left_out.to_string()) } else { event };
        // The refusal has been answered and counted. The outage of the database has its own log line.
        if app.store.record_audit_event(&event).await.is_err() {
            self.leave_out(class, left_out);
        }
    }
}

/// Returns the bearer of the token, if the token is active.
async fn actor(app: &App, token: &Token) -> Actor {
    match app.introspector.introspect(Some(token)).await.map(|introspected| introspected.bearer) {
        Ok(VerifiedBearer::User(token)) => Actor::User(token.claims().sub),
        Ok(VerifiedBearer::Service(name)) => Actor::Service(name.to_string()),
        Ok(VerifiedBearer::ApiKey(verified)) => Actor::ApiKey(verified.key.id),
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

    #[test]
    fn full_queue_loses_no_count() {
        let (denials, _rows) = Denials::new();
        let denial = |left_out| {
            let (context, token, method, reason) = Default::default();
            Denial { context, token, method, reason, class: DenialClass::Role, left_out }
        };
        (0..QUEUE_LENGTH).for_each(|_| denials.queue(denial(0)));
        assert_eq!(denials.unrecorded(), 0);
        denials.queue(denial(7));
        assert_eq!(denials.permit(DenialClass::Role, DateTime::UNIX_EPOCH), Some(8), "the next row counts them");
        assert_eq!(denials.unrecorded(), 1);
    }
}
