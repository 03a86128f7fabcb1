//! One guard's end of the feed: entries in batches, with pauses between them.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep_until};

use super::App;
use crate::domain::Position;
use crate::error::Error;
use crate::feed::{FeedCursor, FeedEvent, Subscriber};
use crate::keys::model::Algorithm;
use crate::view::{Changes, NextEntry};

/// The pause after a batch of entries, for each guard that listens: a replica writes ten batches a second to a thousand
/// guards.
const PACE_PER_GUARD: Duration = Duration::from_micros(100);

/// The shortest pause that is worth a timer.
const SHORTEST_PACE: Duration = Duration::from_millis(1);

/// The longest pause: small beside the second that evidence is good for.
const LONGEST_PACE: Duration = Duration::from_millis(200);

/// The position of one guard in the feed. Nothing is made before the guard has room for it, so a slow guard costs no memory.
pub(crate) struct Watch {
    app: Arc<App>,
    outlet: FeedCursor,
    listener: Subscriber,
    changes: Changes,
    /// Set while entries have been told since the last pause.
    is_telling: bool,
    /// End of the pause before the next entries; a renewal ends it earlier.
    pause: Option<Instant>,
}

/// The keys as a guard is told of them.
pub(crate) struct Keys {
    /// The digest of all that verification depends on.
    pub(crate) digest: Vec<u8>,
    /// Each key's id and algorithm.
    pub(crate) names: Vec<(String, Algorithm)>,
}

impl Watch {
    /// Begins to tell a guard that knows the log up to `known`, and everything else up to this digest.
    pub(crate) async fn open(app: &Arc<App>, known: Option<Position>, digest: &[u8]) -> Result<Self, Error> {
        let view = &app.revocations.view;
        let is_refuted = is_refuted(app, known).await?;
        // A guard that comes for the first time has no digest, and is greeted with one.
        let is_current = digest.is_empty() || digest == self::digest(app);
        let listener = app.revoker.subscribers.join(known.map_or(-1, |position| position.last.revision));
        // Before the history is read: what it learns later is told.
        let changes = view.changes();
        let outlet = view.read_at(|history, now| FeedCursor::open(history, known, now));
        let outlet = if is_refuted { outlet.refuted() } else { outlet };
        let outlet = if is_current { outlet } else { outlet.anew() };
        Ok(Self { app: Arc::clone(app), outlet, listener, changes, is_telling: false, pause: None })
    }

    /// Returns what the guard is told now, if there is anything. A batch of entries is followed by a pause, in which the next
    /// batch gathers; a question for a renewal ends it.
    pub(crate) fn next(&mut self) -> Option<FeedEvent> {
        if self.pause.is_some() && self.outlet.asked().is_none() {
            return None;
        }
        let Self { app, outlet, .. } = self;
        let said = app.revocations.view.read_at(|history, now| outlet.next(history, now));
        match &said {
            Some(said) => self.is_telling |= matches!(said, FeedEvent::Revocation(_)),
            None if std::mem::take(&mut self.is_telling) => {
                self.pause = pace(app.revoker.subscribers.count()).map(|pace| Instant::now() + pace);
            }
            None => {}
        }
        said
    }

    /// Waits until there may be something to tell. The wait can be given up at any time.
    pub(crate) async fn changed(&mut self) {
        let Self { app, outlet, changes, pause, .. } = self;
        let view = &app.revocations.view;
        if let Some(lost) = view.read_at(|history, _| outlet.lost(history)) {
            view.report_lost(lost);
        }
        match *pause {
            None => changes.next(outlet.awaits_poll()).await,
            Some(end) => {
                sleep_until(end).await;
                *pause = None;
            }
        }
    }

    /// Takes a guard's question for a renewal.
    pub(crate) fn ask(&mut self, nonce: u64) {
        self.outlet.ask(nonce);
    }

    /// Takes a guard's acknowledgment of all entries up to this revision.
    pub(crate) fn acknowledge(&self, revision: i64) {
        self.listener.acknowledge(revision);
    }

    /// Returns what the guard is told of the keys as they are now.
    pub(crate) fn keys(&self) -> Keys {
        let keys = self.app.issuing.keys_now();
        let names = keys.names().map(|(id, algorithm)| (id.to_owned(), algorithm)).collect();
        Keys { digest: digest(&self.app), names }
    }
}

/// Returns a digest of all that verification depends on: keys, issuer and audiences.
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

/// Returns true if the log has another entry of the revision that a guard says it knows. The view tells that of the last
/// entries, the database of the others.
async fn is_refuted(app: &App, known: Option<Position>) -> Result<bool, Error> {
    let is_far_back = |known: &Position| {
        app.revocations.view.read_at(|history, _| {
            history.position().is_some_and(|own| own.log == known.log) && history.after(known.last) == NextEntry::Lost
        })
    };
    let Some(known) = known.filter(is_far_back) else { return Ok(false) };
    let mark = app.store.log_fingerprint(known.last.revision).await?;
    Ok(mark.is_some_and(|mark| mark != known.last.fingerprint))
}

/// Returns the pause after a batch for one of so many guards: each batch costs a message to every guard, and every guard's
/// answer. A few guards need no pause.
fn pace(guards: usize) -> Option<Duration> {
    let pace = PACE_PER_GUARD.saturating_mul(u32::try_from(guards).unwrap_or(u32::MAX)).min(LONGEST_PACE);
    Some(pace).filter(|pace| *pace >= SHORTEST_PACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_guards_are_told_in_batches() {
        let millis = [0, 9, 10, 1000, 100_000, usize::MAX].map(|guards| pace(guards).map(|pace| pace.as_millis()));
        assert_eq!(millis, [None, None, Some(1), Some(100), Some(200), Some(200)]);
    }
}
