//! One guard's end of the log as a pure machine: no clock, no socket, no task.

use std::time::Duration;

use crate::domain::{Entry, Position, Revocation};
use crate::view::{History, NextEntry};

/// What one guard has been told of the log, and what it is to be told next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeedCursor {
    /// Of the history with this number.
    history: u64,
    /// Every revocation up to there; `None` where the guard has to begin anew.
    told: Option<Position>,
    /// The position that the guard came with, until a look has shown that the log has it.
    claim: Option<Claim>,
    /// When the guard came.
    opened: Duration,
    /// The last question that has no answer yet.
    asked: Option<u64>,
}

/// A position that a guard says it was told, of a log with this identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Claim {
    position: Position,
    /// The database has another entry of this revision.
    is_refuted: bool,
}

/// The state of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// The log may yet turn out to have the position.
    Open,
    /// The log does not have the position: it has lost entries.
    Refuted,
    /// The log has the position, or is another one, or cannot say.
    Settled,
}

/// What a guard is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FeedEvent {
    /// Nothing that it knows counts any more: what is revoked is known up to this position, and is told from there on.
    Reset(Position),
    /// The next entry.
    Revocation(Entry),
    /// The question's answer: at some time since it was asked, no more had been revoked than up to this position.
    Renewal(u64, Position),
}

impl FeedCursor {
    /// Opens the end of a guard that came at the time `now`, knows of all revocations up to `known`, and is told of what this
    /// history will bring.
    pub fn open(history: &History, known: Option<Position>, now: Duration) -> Self {
        let claim = known.map(|position| Claim { position, is_refuted: false });
        Self { history: history.number(), told: known, claim, opened: now, asked: None }
    }

    /// Makes the guard begin anew, whatever it knows. Its position still shows what the log has lost.
    #[must_use]
    pub fn anew(self) -> Self {
        Self { told: None, ..self }
    }

    /// Takes in that the database has another entry of the revision that the guard came with.
    #[must_use]
    pub fn refuted(mut self) -> Self {
        if let Some(claim) = &mut self.claim {
            claim.is_refuted = true;
        }
        self
    }

    /// Returns the position that the guard came with if the log has lost it: the guard is ahead of the log, or knows another
    /// entry of that revision. The guard is told nothing until the log has begun anew, and keeps what it knows.
    pub fn lost(&self, history: &History) -> Option<Position> {
        self.claim.filter(|_| self.proof(history) == Proof::Refuted).map(|claim| claim.position)
    }

    /// Returns true if the guard waits for the next look, whatever it brings.
    pub fn awaits_poll(&self) -> bool {
        self.claim.is_some() || self.asked.is_some()
    }

    /// The guard asks for a renewal. Of several questions the last one is answered.
    pub fn ask(&mut self, nonce: u64) {
        self.asked = Some(nonce);
    }

    /// The number of the question that cannot be answered yet, if there is one.
    pub fn asked(&self) -> Option<u64> {
        self.asked
    }

    /// How far the guard has been told; `None` where it has to begin anew.
    pub fn told(&self) -> Option<Position> {
        self.told
    }

    /// What the guard is told next, if there is anything to tell now. `now` is read after the history.
    ///
    /// In this order, each of which the bound stands on: nothing while the log may have lost what the guard knows; that what
    /// was told has been lost, before anything of what took its place; then every entry; and only when all have been told a
    /// renewal, by a view that is fresh.
    pub fn next(&mut self, history: &History, now: Duration) -> Option<FeedEvent> {
        let position = history.position()?;
        if self.proof(history) != Proof::Settled {
            return None;
        }
        self.claim = None;
        let told = self.told.filter(|told| told.log == position.log && self.history == history.number());
        let Some(told) = told else { return Some(self.reset(history, position)) };
        match history.after(told.last) {
            // The log itself begins anew: it may have lost what this replica has never seen.
            NextEntry::Entry(entry) if entry.revocation == Revocation::Start => Some(self.reset(history, position)),
            NextEntry::Entry(entry) => {
                self.told = Some(Position { last: entry.logged, ..told });
                Some(FeedEvent::Revocation(entry.clone()))
            }
            NextEntry::End => {
                let position = history.position_at(now).ok()?;
                self.asked.take().map(|nonce| FeedEvent::Renewal(nonce, position))
            }
            NextEntry::Unread | NextEntry::Other | NextEntry::Lost => Some(self.reset(history, position)),
        }
    }

    /// Judges the guard's claim. A replica that is behind, or has not noticed a loss that it can see itself, needs one look
    /// that begins after the guard came.
    fn proof(&self, history: &History) -> Proof {
        let Some(Claim { position, is_refuted }) = self.claim else { return Proof::Settled };
        // A log with another identity began after the loss, and refuses every token that was issued before.
        if history.position().is_none_or(|own| own.log != position.log) {
            return Proof::Settled;
        }
        let is_contradicted = match history.after(position.last) {
            NextEntry::Entry(_) | NextEntry::End => false,
            NextEntry::Unread | NextEntry::Other => true,
            NextEntry::Lost => is_refuted,
        };
        if !is_contradicted {
            return Proof::Settled;
        }
        let has_looked = history.polled_at().is_some_and(|polled_at| polled_at > self.opened);
        if has_looked { Proof::Refuted } else { Proof::Open }
    }

    fn reset(&mut self, history: &History, position: Position) -> FeedEvent {
        self.history = history.number();
        self.told = Some(position);
        FeedEvent::Reset(position)
    }
}

#[cfg(test)]
mod tests;
