//! Feeds one guard: sends entries of the log in batches, with pauses between them.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep_until};

use super::App;
use crate::domain::Position;
use crate::error::AuthError;
use crate::feed::{FeedCursor, FeedEvent, Subscriber};
use crate::keys::model::Algorithm;
use crate::view::{NextEntry, ViewChanges};

/// Pause after a batch of entries, per connected guard. With a thousand guards, a replica sends ten batches a second.
const PACE_PER_GUARD: Duration = Duration::from_micros(100);

/// Shortest pause: the feed omits shorter ones.
const SHORTEST_PACE: Duration = Duration::from_millis(1);

/// Longest pause: small compared with the second for which evidence is valid.
const LONGEST_PACE: Duration = Duration::from_millis(200);

/// Feed of one guard. Events are built only when the guard can receive them, so a slow guard costs no memory.
pub(crate) struct FeedWatch {
    app: Arc<App>,
    cursor: FeedCursor,
    subscriber: Subscriber,
    changes: ViewChanges,
    /// Set if the feed has sent entries since the last pause.
    is_telling: bool,
    /// End of the pause before the next entries; a renewal ends it earlier.
    pause: Option<Instant>,
}

/// Signing keys, as announced to guards.
pub(crate) struct FeedKeys {
    /// Digest of everything that verification depends on.
    pub(crate) digest: Vec<u8>,
    pub(crate) names: Vec<FeedKey>,
}

/// A signing key, as announced to guards.
pub(crate) struct FeedKey {
    pub(crate) id: String,
    pub(crate) algorithm: Algorithm,
}

impl FeedWatch {
    /// Opens the feed for a guard of this service. The guard knows the log up to `known`, and the keys with this digest.
    pub(crate) async fn open(
        app: &Arc<App>,
        service: &str,
        known: Option<Position>,
        digest: &[u8],
    ) -> Result<Self, AuthError> {
        let view = &app.revoker.view;
        let is_refuted = is_refuted(app, known).await?;
        // A new guard has no digest; the greeting gives it one.
        let is_current = digest.is_empty() || digest == self::digest(app);
        let subscriber = app.revoker.subscribers.join(service, known.map_or(-1, |position| position.last.revision));
        // Subscribe before the history is read, so that no later change is missed.
        let changes = view.changes();
        let cursor = view.read_at(|history, now| FeedCursor::open(history, known, now));
        let cursor = if is_refuted { cursor.refuted() } else { cursor };
        let cursor = if is_current { cursor } else { cursor.reset_first() };
        Ok(Self { app: Arc::clone(app), cursor, subscriber, changes, is_telling: false, pause: None })
    }

    /// Returns the next event for the guard, if there is one now. After a batch of entries there is a pause, in which the next
    /// batch gathers. A request for a renewal ends the pause.
    pub(crate) fn next(&mut self) -> Option<FeedEvent> {
        if self.pause.is_some() && self.cursor.asked().is_none() {
            return None;
        }
        let Self { app, cursor, .. } = self;
        let said = app.revoker.view.read_at(|history, now| cursor.next(history, now));
        match &said {
            Some(said) => self.is_telling |= matches!(said, FeedEvent::Revocation(_)),
            None if std::mem::take(&mut self.is_telling) => {
                self.pause = pace(app.revoker.subscribers.count()).map(|pace| Instant::now() + pace);
            }
            None => {}
        }
        said
    }

    /// Reports entries that the guard knows and the log has lost, if there are any.
    pub(crate) fn report_lost(&self) {
        let view = &self.app.revoker.view;
        if let Some(lost) = view.read_at(|history, _| self.cursor.lost(history)) {
            view.report_lost(lost);
        }
    }

    /// Waits until there may be an event. The wait is cancel-safe.
    pub(crate) async fn changed(&mut self) {
        let Self { cursor, changes, pause, .. } = self;
        match *pause {
            None => changes.next(cursor.awaits_poll()).await,
            Some(end) => {
                sleep_until(end).await;
                *pause = None;
            }
        }
    }

    /// Ends the pause after a batch: the next entries are due now.
    pub(crate) fn end_pause(&mut self) {
        self.pause = None;
    }

    /// Takes a guard's request for a renewal.
    pub(crate) fn ask(&mut self, nonce: u64) {
        self.cursor.ask(nonce);
    }

    /// Takes a guard's acknowledgment of all entries up to this revision.
    pub(crate) fn acknowledge(&self, revision: i64) {
        self.subscriber.acknowledge(revision);
    }

    /// Returns the current keys, as announced to the guard.
    pub(crate) fn keys(&self) -> FeedKeys {
        let keys = self.app.issuing.keys_now();
        let names = keys.names().map(|(id, algorithm)| FeedKey { id: id.to_owned(), algorithm }).collect();
        FeedKeys { digest: digest(&self.app), names }
    }
}

/// Returns a digest of everything that verification depends on: keys, issuer and audiences.
fn digest(app: &App) -> Vec<u8> {
    let keys = app.issuing.keys_now();
    let mut ids: Vec<_> = keys.ids().collect();
    ids.sort_unstable();
    let mut hash = Sha256::new();
    for part in std::iter::once(app.issuing.issuer.name()).chain(app.audiences.all()).chain(ids) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// Returns `true` if the log has another entry at the revision that a guard claims to know. The view answers for recent
/// entries, the database for older ones.
async fn is_refuted(app: &App, known: Option<Position>) -> Result<bool, AuthError> {
    let is_far_back = |known: &Position| {
        app.revoker.view.read_at(|history, _| {
            history.position().is_some_and(|own| own.log == known.log) && history.after(known.last) == NextEntry::Lost
        })
    };
    let Some(known) = known.filter(is_far_back) else { return Ok(false) };
    let mark = app.store.log_fingerprint(known.last.revision).await?;
    Ok(mark.is_some_and(|mark| mark != known.last.fingerprint))
}

/// Returns the pause after a batch for this number of guards. Each batch costs one message to each guard and one answer from
/// it. A few guards need no pause.
fn pace(guards: usize) -> Option<Duration> {
    let pace = PACE_PER_GUARD.saturating_mul(u32::try_from(guards).unwrap_or(u32::MAX)).min(LONGEST_PACE);
    Some(pace).filter(|pace| *pace >= SHORTEST_PACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_guards_get_batches() {
        let millis = [0, 9, 10, 1000, 100_000, usize::MAX].map(|guards| pace(guards).map(|pace| pace.as_millis()));
        assert_eq!(millis, [None, None, Some(1), Some(100), Some(200), Some(200)]);
    }
}
