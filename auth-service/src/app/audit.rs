//! Lists and watches the audit log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kit::page::{self, Page, PageBatch, PageRequest, PageRow};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::App;
use crate::domain::{AuditEvent, AuditEventId, AuditFilter, LogId, PlacedAuditEvent};
use crate::error::AuthError;

/// Largest number of streams of a replica. Each one polls the database.
pub(crate) const MAX_AUDIT_WATCHERS: usize = 16;

/// Pause between two polls, for events of other replicas. An event of this replica ends the pause.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Shortest time between two polls of a stream, in which events gather: each poll costs the database a few statements.
const PACE: Duration = Duration::from_millis(100);

/// Largest number of events that a stream holds in memory, in addition to those that the transport sends.
const EVENTS_PER_POLL: u32 = 64;

/// Place in the order of events, within one history of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuditCursor {
    /// Identity of the history.
    pub(crate) log: LogId,
    /// Place of the last sent event.
    pub(crate) position: i64,
}

/// Message of a stream.
pub(crate) struct AuditMessage {
    /// Event; `None` if only the cursor moves.
    pub(crate) event: Option<AuditEvent>,
    pub(crate) cursor: AuditCursor,
}

/// Stream of one watcher.
pub(crate) struct AuditWatch {
    app: Arc<App>,
    filter: AuditFilter,
    cursor: AuditCursor,
    /// Events that were read and not sent yet.
    read: VecDeque<PlacedAuditEvent>,
    /// Set if the watcher does not know the cursor.
    is_cursor_due: bool,
    /// Earliest time of the next poll.
    due: Instant,
    _permit: OwnedSemaphorePermit,
}

/// Returns a page of events. `row` converts an event into a row of the answer.
pub(crate) async fn list<T>(
    app: &App,
    filter: &AuditFilter,
    wanted: PageRequest<'_>,
    row: impl Fn(AuditEvent) -> PageRow<T, AuditEventId>,
) -> Result<Page<T>, AuthError> {
    let read = async |after, limit| {
        let events = app.store.list_audit_events(filter, after, limit).await?;
        Ok::<_, AuthError>(PageBatch::up_to(limit, events.into_iter().map(&row).collect()))
    };
    page::fill(&app.page_tokens, wanted, app.clock.now(), read).await
}

impl AuditWatch {
    /// Opens a stream after the cursor, or at the present end of the log.
    pub(crate) async fn open(
        app: &Arc<App>,
        filter: AuditFilter,
        cursor: Option<AuditCursor>,
    ) -> Result<Self, AuthError> {
        let permit = Arc::clone(&app.audit_watchers).try_acquire_owned().map_err(|_| AuthError::TooManyWatchers)?;
        // Events from before this call are not sent without a cursor, so they get their places now.
        while cursor.is_none() && app.store.place_audit_events().await? > 0 {}
        let range = app.store.audit_range().await?;
        let cursor = cursor.unwrap_or(AuditCursor { log: range.log, position: range.last });
        let app = Arc::clone(app);
        let watch = Self {
            app,
            filter,
            cursor,
            read: VecDeque::new(),
            is_cursor_due: true,
            due: Instant::now(),
            _permit: permit,
        };
        watch.check_cursor().await?;
        Ok(watch)
    }

    /// Waits for the next message. The wait is cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<AuditMessage, AuthError> {
        loop {
            if std::mem::take(&mut self.is_cursor_due) {
                return Ok(AuditMessage { event: None, cursor: self.cursor });
            }
            while let Some(PlacedAuditEvent { position, event }) = self.read.pop_front() {
                self.cursor.position = position;
                if self.filter.matches(&event) {
                    return Ok(AuditMessage { event: Some(event), cursor: self.cursor });
                }
                // Send the cursor even without an event: if matching events are rare, an older cursor would expire.
                self.is_cursor_due = self.read.is_empty();
            }
            if self.is_cursor_due {
                continue;
            }
            sleep_until(self.due).await;
            // Listen before the read, so that no later event is missed.
            let recorded = self.app.store.audit_recorded();
            if !self.poll().await? {
                let _ = timeout(POLL_INTERVAL, recorded).await;
            }
        }
    }

    /// Reads the next events. Returns false if there are none.
    async fn poll(&mut self) -> Result<bool, AuthError> {
        self.due = Instant::now() + PACE;
        let store = &self.app.store;
        store.place_audit_events().await?;
        let read = store.audit_events_after(self.cursor.position, EVENTS_PER_POLL).await?;
        // The check comes after the read, because events that were deleted before the read are missing from it.
        self.check_cursor().await?;
        self.read.extend(read);
        Ok(!self.read.is_empty())
    }

    /// Fails if events after the cursor were deleted, or belong to a lost history.
    async fn check_cursor(&self) -> Result<(), AuthError> {
        let range = self.app.store.audit_range().await?;
        let AuditCursor { log, position } = self.cursor;
        if log == range.log && (range.pruned..=range.last).contains(&position) {
            Ok(())
        } else {
            Err(AuthError::CursorExpired)
        }
    }
}
