//! The guard's revocation state: a pure state machine without clock, socket or task.
//!
//! The guard caches introspections and follows the auth service's revocation log. The [`RevocationState`] decides if an
//! introspection may be used now. The guard and the model (`model/`) share this code, so the checked code is the code
//! that runs. The model checks it against every order of events.
//!
//! All times are readings of one monotonic clock that counts suspended time ([`Uptime`](crate::Uptime)). A call that
//! [`RevocationState::validity`] admits reflects an answer of the auth service at most [`LEASE`] ago. The replica's
//! view of the log was then at most half a second old.

mod log_position;
mod renewals;
mod revocations;

use std::time::Duration;

pub use log_position::{LogEntry, LogPosition};
pub use renewals::Renewals;
pub use revocations::{RevocableClaims, RevocationCause, RevocationTarget, Validity};

use log_position::EntryFingerprints;
use revocations::Revocations;

/// Time for which an introspection is valid after its newest evidence.
pub const LEASE: Duration = Duration::from_secs(1);

/// Maximum number of held log entries. A state above it resets itself: all introspections then need new requests.
pub const MAX_LOG_ENTRIES: usize = 100_000;

/// The state of the log as the guard knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RevocationState {
    max_entries: usize,
    /// Time of the last reset. Answers to requests up to this time do not count.
    began: Option<Duration>,
    /// The state of the feed; `None` without one.
    feed: Option<FeedState>,
}

/// The contents of an unbroken feed. A stream that resumes at the last position continues the same feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FeedState {
    /// The first position and the fingerprints of all entries since.
    fingerprints: EntryFingerprints,
    revocations: Revocations,
    /// Send time of the last answered renewal.
    lease: Option<Duration>,
}

/// The evidence behind an active introspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// The log position of the answer.
    pub position: LogPosition,
    /// The time just before the request was sent.
    pub asked: Duration,
    /// The maximum life of the introspection, counted from `asked`.
    pub ttl: Duration,
}

/// An error of the feed: a message is missing or malformed. The revocation state is empty after this error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the revocation feed has a gap")]
pub struct Gap;

impl Default for RevocationState {
    fn default() -> Self {
        Self::new(MAX_LOG_ENTRIES)
    }
}

impl RevocationState {
    /// Creates an empty state that holds at most `max_entries` entries.
    pub fn new(max_entries: usize) -> Self {
        Self { max_entries, began: None, feed: None }
    }

    /// Returns the validity of the introspection of an active token at the time `now`. The caller must read `now` after
    /// locking the state: an earlier reading may be older than the state's contents.
    pub fn validity(&self, evidence: &Evidence, claims: RevocableClaims<'_>, now: Duration) -> Validity {
        if !self.counts(evidence.asked) {
            return Validity::Stale;
        }
        if let Some(dead) = self.feed.as_ref().and_then(|feed| feed.revocations.find(claims)) {
            return dead;
        }
        let is_valid = now.saturating_sub(self.evidence_time(evidence)) <= LEASE
            && now.saturating_sub(evidence.asked) < evidence.ttl;
        if is_valid { Validity::Valid } else { Validity::Stale }
    }

    /// Returns the time of the newest evidence for this introspection: the later of its own request and the last
    /// answered renewal.
    pub fn evidence_time(&self, evidence: &Evidence) -> Duration {
        // A renewal counts only for introspections from the same log.
        let lease = self
            .feed
            .as_ref()
            .filter(|feed| feed.fingerprints.contains(&evidence.position))
            .and_then(|feed| feed.lease);
        lease.map_or(evidence.asked, |lease| lease.max(evidence.asked))
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
    pub fn position(&self) -> Option<LogPosition> {
        self.feed.as_ref().map(|feed| feed.fingerprints.last())
    }

    /// Returns the number of held entries.
    pub fn entries(&self) -> usize {
        self.feed.as_ref().map_or(0, |feed| feed.fingerprints.len())
    }

    /// Returns the send time of the last answered renewal.
    pub fn lease(&self) -> Option<Duration> {
        self.feed.as_ref().and_then(|feed| feed.lease)
    }

    /// Starts a new feed at this position and drops all earlier state in one step. A reader that saw
    /// introspections without their revocations would admit revoked tokens.
    pub fn reset(&mut self, position: LogPosition, now: Duration) {
        let feed = FeedState {
            fingerprints: EntryFingerprints::since(position),
            revocations: Revocations::default(),
            lease: None,
        };
        *self = Self { max_entries: self.max_entries, began: Some(now), feed: Some(feed) };
    }

    /// Drops all state, and the feed too.
    pub fn clear(&mut self, now: Duration) {
        *self = Self { max_entries: self.max_entries, began: Some(now), feed: None };
    }

    /// Adds the next entry and its revocation.
    ///
    /// # Errors
    /// [`Gap`] means that the entry is not the next one.
    pub fn revoke(&mut self, entry: LogEntry, target: Option<RevocationTarget>, now: Duration) -> Result<(), Gap> {
        let Some(feed) = self.feed.as_mut().filter(|feed| feed.fingerprints.is_next(entry)) else {
            self.clear(now);
            return Err(Gap);
        };
        feed.fingerprints.push(entry);
        if let Some(target) = target {
            feed.revocations.add(target);
        }
        let (entries, last) = (feed.fingerprints.len(), feed.fingerprints.last());
        if entries > self.max_entries {
            self.reset(last, now);
        }
        Ok(())
    }

    /// Records the answer to a renewal that was sent at the time `sent`. The answer follows all entries up to
    /// `position`.
    ///
    /// # Errors
    /// [`Gap`] means that the feed is not at this position.
    pub fn renew(&mut self, position: LogPosition, sent: Duration, now: Duration) -> Result<(), Gap> {
        let Some(feed) = self.feed.as_mut().filter(|feed| feed.fingerprints.last() == position) else {
            self.clear(now);
            return Err(Gap);
        };
        feed.lease = feed.lease.max(Some(sent));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
