//! Place of one guard in the log as a pure state machine: no clock, no socket, no task.

use std::time::Duration;

use crate::domain::{Entry, Position, Revocation};
use crate::view::{History, NextEntry};

/// Feed cursor: place of one guard in the log, with its open request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeedCursor {
    /// Number of the history that the cursor belongs to.
    history: u64,
    /// Position up to which the guard knows all entries; `None` if the guard needs a reset.
    known: Option<Position>,
    /// Position that the guard presented; `None` once a poll has confirmed it.
    claim: Option<ResumeClaim>,
    /// Time at which the guard connected.
    opened: Duration,
    /// Nonce of the last unanswered request for a renewal.
    asked: Option<u64>,
}

/// Position that a guard presents when it resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ResumeClaim {
    position: Position,
    /// Set if the database has another entry at this revision.
    is_refuted: bool,
}

/// State of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimState {
    /// A later poll may still find the position.
    Open,
    /// The log does not have the position: it has lost entries.
    Refuted,
    /// The log has the position, or has another identity, or no longer holds such old entries.
    Settled,
}

/// Event for a guard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FeedEvent {
    /// The guard must drop its state. Later events continue from this position.
    Reset(Position),
    /// The next entry.
    Revocation(Entry),
    /// Answer to the renewal request with this nonce: at some time since the request, the log ended at this position.
    Renewal(u64, Position),
}

impl FeedCursor {
    /// Opens a cursor in this history for a guard that connects at the time `now` and knows all entries up to `known`.
    pub fn open(history: &History, known: Option<Position>, now: Duration) -> Self {
        let claim = known.map(|position| ResumeClaim { position, is_refuted: false });
        Self { history: history.number(), known, claim, opened: now, asked: None }
    }

    /// Makes the next event a reset. The guard's position is still checked for a loss of the log.
    #[must_use]
    pub fn reset_first(self) -> Self {
        Self { known: None, ..self }
    }

    /// Records that the database has another entry at the guard's revision.
    #[must_use]
    pub fn refuted(mut self) -> Self {
        if let Some(claim) = &mut self.claim {
            claim.is_refuted = true;
        }
        self
    }

    /// Returns the guard's position if the log has lost it: the guard is ahead of the log, or knows another entry of that
    /// revision. The guard gets no event, and keeps its state, until the log is restarted.
    pub fn lost(&self, history: &History) -> Option<Position> {
        self.claim.filter(|_| self.claim_state(history) == ClaimState::Refuted).map(|claim| claim.position)
    }

    /// Returns `true` if the guard waits for the next poll, even one without new entries.
    pub fn awaits_poll(&self) -> bool {
        self.claim.is_some() || self.asked.is_some()
    }

    /// Takes a request for a renewal. Only the last open request is answered.
    pub fn ask(&mut self, nonce: u64) {
        self.asked = Some(nonce);
    }

    /// Returns the nonce of the open request for a renewal.
    pub fn asked(&self) -> Option<u64> {
        self.asked
    }

    /// Returns the position up to which the guard knows all entries, unless the guard needs a reset.
    pub fn known(&self) -> Option<Position> {
        self.known
    }

    /// Returns the next event, if there is one now. `now` is read after the history.
    ///
    /// The time bound of the guard depends on this order. There is no event while the log may have lost the guard's position.
    /// A reset comes before the entries that replace lost ones. A renewal comes after all entries, and only from a fresh view.
    pub fn next(&mut self, history: &History, now: Duration) -> Option<FeedEvent> {
        let position = history.position()?;
        if self.claim_state(history) != ClaimState::Settled {
            return None;
        }
        self.claim = None;
        let known = self.known.filter(|known| known.log == position.log && self.history == history.number());
        let Some(known) = known else { return Some(self.reset(history, position)) };
        match history.after(known.last) {
            // A restarted log may have lost entries that this replica has never seen.
            NextEntry::Entry(entry) if entry.revocation == Revocation::Start => Some(self.reset(history, position)),
            NextEntry::Entry(entry) => {
                self.known = Some(Position { last: entry.logged, ..known });
                Some(FeedEvent::Revocation(entry.clone()))
            }
            NextEntry::End => {
                let position = history.position_at(now).ok()?;
                self.asked.take().map(|nonce| FeedEvent::Renewal(nonce, position))
            }
            NextEntry::Unread | NextEntry::Other | NextEntry::Lost => Some(self.reset(history, position)),
        }
    }

    /// Returns the state of the guard's claim. One poll that begins after the guard connected decides it: the replica may be
    /// behind, or may not have noticed a loss yet.
    fn claim_state(&self, history: &History) -> ClaimState {
        let Some(ResumeClaim { position, is_refuted }) = self.claim else { return ClaimState::Settled };
        // A log with another identity began after the loss, and refuses all tokens issued before.
        if history.position().is_none_or(|own| own.log != position.log) {
            return ClaimState::Settled;
        }
        let is_contradicted = match history.after(position.last) {
            NextEntry::Entry(_) | NextEntry::End => false,
            NextEntry::Unread | NextEntry::Other => true,
            NextEntry::Lost => is_refuted,
        };
        if !is_contradicted {
            return ClaimState::Settled;
        }
        let has_polled = history.polled_at().is_some_and(|polled_at| polled_at > self.opened);
        if has_polled { ClaimState::Refuted } else { ClaimState::Open }
    }

    fn reset(&mut self, history: &History, position: Position) -> FeedEvent {
        self.history = history.number();
        self.known = Some(position);
        FeedEvent::Reset(position)
    }
}

#[cfg(test)]
mod tests;
