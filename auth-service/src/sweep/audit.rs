//! Retention of the audit log, and the erasure of deleted users from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{AuditRetention, UserId};
use crate::store::{AuthStore, StoreError};

/// Sweep of the audit log.
pub(crate) struct AuditSweep {
    retention: AuditRetention,
    pub(crate) evicted: Evicted,
}

/// Number of events that were deleted because the log was full, since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evicted(Arc<AtomicU64>);

impl Evicted {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl AuditSweep {
    pub(crate) fn new(retention: AuditRetention) -> Self {
        Self { retention, evicted: Evicted::default() }
    }

    /// Erases all deleted users from the log, in batches.
    pub(super) async fn erase(&self, store: &AuthStore, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut after = UserId::NIL;
        while let Some(last) = store.erase_audit_events(after, now).await?.last() {
            after = *last;
        }
        Ok(())
    }

    /// Deletes a batch of the events that are too old. Returns their number.
    pub(super) async fn expire(&self, store: &AuthStore, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let age = TimeDelta::from_std(self.retention.age).unwrap_or(TimeDelta::MAX);
        match now.checked_sub_signed(age) {
            Some(until) => store.prune_audit_events(until, now).await,
            None => Ok(0),
        }
    }

    /// Deletes the oldest events beyond the largest number, in batches.
    pub(super) async fn shrink(&self, store: &AuthStore) -> Result<(), StoreError> {
        let mut all = 0;
        loop {
            let deleted = store.shrink_audit_log(self.retention.events).await?;
            if deleted == 0 {
                break;
            }
            self.evicted.0.fetch_add(deleted, Relaxed);
            all += deleted;
        }
        if all > 0 {
            tracing::warn!(
                events = all,
                "audit log full: the oldest events were deleted too early; raise AUTH_AUDIT_MAX_EVENTS"
            );
        }
        Ok(())
    }
}
