//! The guard's revocation state: a pure state machine without clock, socket or task.
//!
//! The guard caches introspections about tokens and follows the auth service's revocation log. The [`Ledger`] decides if an introspection
//! may be used now. The guard and the model (`model/`) share this code, so the checked code is the code that runs. The
//! model checks it against every order of events.
//!
//! All times are readings of one monotonic clock that counts suspended time ([`Uptime`](crate::Uptime)). A call that
//! [`Ledger::judge`] admits reflects an answer of the auth service at most [`LEASE`] ago. The replica's view of the log was
//! then at most half a second old.

mod position;
mod renewals;
mod revocations;

use std::time::Duration;

pub use position::{Logged, Position};
pub use renewals::Renewals;
pub use revocations::{Bearer, Cause, Target};

use position::Marks;
use revocations::Revocations;

/// Time for which an introspection is valid after its newest evidence.
pub const LEASE: Duration = Duration::from_secs(1);

/// Maximum number of held log rows. A ledger above it resets itself: all introspections then need new requests.
pub const MOST_ROWS: usize = 100_000;

/// The state of the log as the guard knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ledger {
    most: usize,
    /// Time of the last reset. Answers to requests up to this time do not count.
    began: Option<Duration>,
    /// The state of the feed; `None` without one.
    feed: Option<Feed>,
}

/// The contents of an unbroken feed. A stream that resumes at the last position continues the same feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Feed {
    /// The first position and the marks of all rows since.
    marks: Marks,
    revocations: Revocations,
    /// Send time of the last answered renewal.
    lease: Option<Duration>,
}

/// The evidence behind an active introspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Basis {
    /// The log position of the answer.
    pub position: Position,
    /// The time just before the request was sent.
    pub asked: Duration,
    /// The maximum life of the introspection, counted from `asked`.
    pub ttl: Duration,
}

/// The validity of an introspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The introspection may be used.
    Good,
    /// The token has been revoked since.
    Dead(Cause),
    /// There is no evidence: the auth service must be asked.
    Stale,
}

/// An error of the feed: a message is missing or malformed. The ledger drops all its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the revocation feed has a gap")]
pub struct Gap;

impl Default for Ledger {
    fn default() -> Self {
        Self::new(MOST_ROWS)
    }
}

impl Ledger {
    /// Creates an empty ledger that holds at most `most` rows.
    pub fn new(most: usize) -> Self {
        Self { most, began: None, feed: None }
    }

    /// Judges an active introspection for this bearer at the time `now`. The caller must read `now` after locking the ledger: an
    /// earlier reading may be older than the ledger's contents.
    pub fn judge(&self, basis: &Basis, bearer: Bearer<'_>, now: Duration) -> Standing {
        if !self.counts(basis.asked) {
            return Standing::Stale;
        }
        if let Some(dead) = self.feed.as_ref().and_then(|feed| feed.revocations.of(bearer)) {
            return dead;
        }
        let is_good = now.saturating_sub(self.evidence(basis)) <= LEASE && now.saturating_sub(basis.asked) < basis.ttl;
        if is_good { Standing::Good } else { Standing::Stale }
    }

    /// Returns the time of the newest evidence for this introspection: the later of its own request and the last answered
    /// renewal.
    pub fn evidence(&self, basis: &Basis) -> Duration {
        // A renewal counts only for introspections from the same log.
        let lease = self.feed.as_ref().filter(|feed| feed.marks.has(&basis.position)).and_then(|feed| feed.lease);
        lease.map_or(basis.asked, |lease| lease.max(basis.asked))
    }

    /// Returns true if an inactive introspection may be used at the time `now`. Renewals do not extend it.
    pub fn is_recent(&self, asked: Duration, now: Duration) -> bool {
        self.counts(asked) && now.saturating_sub(asked) <= LEASE
    }

    /// Returns true if the request was sent after the last reset.
    fn counts(&self, asked: Duration) -> bool {
        self.began.is_none_or(|began| asked > began)
    }

    /// Returns the position at which the feed resumes; `None` before its start.
    pub fn position(&self) -> Option<Position> {
        self.feed.as_ref().map(|feed| feed.marks.last())
    }

    /// Returns the number of held rows.
    pub fn rows(&self) -> usize {
        self.feed.as_ref().map_or(0, |feed| feed.marks.len())
    }

    /// Returns the send time of the last answered renewal.
    pub fn lease(&self) -> Option<Duration> {
        self.feed.as_ref().and_then(|feed| feed.lease)
    }

    /// Starts a new feed at this position and drops all earlier state in one step. A reader that saw introspections without their
    /// revocations would admit dead tokens.
    pub fn reset(&mut self, position: Position, now: Duration) {
        let feed = Feed { marks: Marks::since(position), revocations: Revocations::default(), lease: None };
        *self = Self { most: self.most, began: Some(now), feed: Some(feed) };
    }

    /// Drops all state, and the feed too.
    pub fn lose(&mut self, now: Duration) {
        *self = Self { most: self.most, began: Some(now), feed: None };
    }

    /// Adds the next row and its revocation.
    ///
    /// # Errors
    /// [`Gap`] means that the row is not the next one.
    pub fn revoke(&mut self, row: Logged, target: Option<Target>, now: Duration) -> Result<(), Gap> {
        let Some(feed) = self.feed.as_mut().filter(|feed| feed.marks.is_next(row)) else {
            self.lose(now);
            return Err(Gap);
        };
        feed.marks.push(row);
        if let Some(target) = target {
            feed.revocations.add(target);
        }
        let (rows, last) = (feed.marks.len(), feed.marks.last());
        if rows > self.most {
            self.reset(last, now);
        }
        Ok(())
    }

    /// Records the answer to a renewal that was sent at the time `sent`. The answer follows all rows up to `position`.
    ///
    /// # Errors
    /// [`Gap`] means that the feed is not at this position.
    pub fn renew(&mut self, position: Position, sent: Duration, now: Duration) -> Result<(), Gap> {
        let Some(feed) = self.feed.as_mut().filter(|feed| feed.marks.last() == position) else {
            self.lose(now);
            return Err(Gap);
        };
        feed.lease = feed.lease.max(Some(sent));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
