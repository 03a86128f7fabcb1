//! What a guard knows, as a pure machine: no clock, no socket, no task.
//!
//! The guard keeps verdicts about tokens and follows the auth service's log of revocations. The [`Ledger`] says whether a
//! verdict may be used now. It is shared by the guard itself and by the model that checks it against every order of events
//! (`model/`), so that what is proved is what runs.
//!
//! All times are ages of one monotonic clock, which counts suspended time ([`Uptime`](crate::Uptime)). A call that is let
//! in by [`Ledger::judge`] is let in as if the auth service had been asked at most [`LEASE`] ago: by a replica whose view
//! of the log was at most half a second old then.

mod position;
mod renewals;
mod revocations;

use std::time::Duration;

pub use position::{Logged, Position};
pub use renewals::Renewals;
pub use revocations::{Bearer, Cause, Standing, Target};

use position::Marks;
use revocations::Revocations;

/// For how long a verdict is good after the last time that something has vouched for it.
pub const LEASE: Duration = Duration::from_secs(1);

/// How many rows of the log are held. With one more, all verdicts are asked for anew and no row is needed.
pub const MOST_ROWS: usize = 100_000;

/// What the guard knows of the log, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ledger {
    most: usize,
    /// Answers that were asked for until then do not count.
    began: Option<Duration>,
    /// `None` while nothing has been heard of the log.
    feed: Option<Feed>,
}

/// What one unbroken feed has brought. A feed that goes on where another one has ended is the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Feed {
    /// Where it began, and the marks of all rows since.
    marks: Marks,
    revocations: Revocations,
    /// When the last renewal that has been answered was sent.
    lease: Option<Duration>,
}

/// What a verdict that lets its bearer in stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Basis {
    /// How far the log was known when it was given.
    pub position: Position,
    /// When it was asked for: before the request was sent.
    pub asked: Duration,
    /// How long it is good at the most, counted from `asked`.
    pub ttl: Duration,
}

/// What the feed has said makes no sense: something is missing. Nothing that the ledger knew counts any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the feed of revocations has a gap")]
pub struct Gap;

impl Default for Ledger {
    fn default() -> Self {
        Self::new(MOST_ROWS)
    }
}

impl Ledger {
    /// One that knows nothing, and will hold this many rows at the most.
    pub fn new(most: usize) -> Self {
        Self { most, began: None, feed: None }
    }

    /// Whether the verdict that this bearer may come in can be used at the time `now`, which must be read after the ledger
    /// has been locked: a clock that was read before could be older than all that is known.
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

    /// Of when the latest evidence for such a verdict is: it was asked for then, or a renewal was sent that has been answered
    /// since.
    pub fn evidence(&self, basis: &Basis) -> Duration {
        // A lease speaks for verdicts of this history alone.
        let lease = self.feed.as_ref().filter(|feed| feed.marks.has(&basis.position)).and_then(|feed| feed.lease);
        lease.map_or(basis.asked, |lease| lease.max(basis.asked))
    }

    /// Whether an answer that lets nobody in can be used at the time `now`; nothing prolongs it.
    pub fn is_recent(&self, asked: Duration, now: Duration) -> bool {
        self.counts(asked) && now.saturating_sub(asked) <= LEASE
    }

    /// Whether it was asked for since the feed has begun.
    fn counts(&self, asked: Duration) -> bool {
        self.began.is_none_or(|began| asked > began)
    }

    /// How far the feed has come, where it is to go on; `None` for its beginning.
    pub fn position(&self) -> Option<Position> {
        self.feed.as_ref().map(|feed| feed.marks.last())
    }

    /// How many rows are held.
    pub fn rows(&self) -> usize {
        self.feed.as_ref().map_or(0, |feed| feed.marks.len())
    }

    /// When the last renewal that has been answered was sent.
    pub fn lease(&self) -> Option<Duration> {
        self.feed.as_ref().and_then(|feed| feed.lease)
    }

    /// The feed begins anew at this position: nothing that was known counts any more. All at once: whoever saw the
    /// revocations gone and the verdicts still there would let a dead one in.
    pub fn reset(&mut self, position: Position, now: Duration) {
        let feed = Feed { marks: Marks::since(position), revocations: Revocations::default(), lease: None };
        *self = Self { most: self.most, began: Some(now), feed: Some(feed) };
    }

    /// The feed cannot be trusted: the same, without any.
    pub fn lose(&mut self, now: Duration) {
        *self = Self { most: self.most, began: Some(now), feed: None };
    }

    /// The feed brings the next row, and what it revokes.
    ///
    /// # Errors
    /// [`Gap`] when it is not the next one.
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

    /// A renewal that was sent at that time has been answered, after all rows up to this position.
    ///
    /// # Errors
    /// [`Gap`] when the feed has not brought them, or others.
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
