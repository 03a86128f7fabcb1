//! One replica's view of the log as a pure state machine: no clock, no database, no task.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{Cause, Entry, LogId, Logged, Position, Revocation};
use crate::store::LogPage;

use super::revocation_index::{Bearer, RevocationIndex};

/// Number of recent entries that are kept whole for the guards that follow the feed.
const MAX_RECENT_ENTRIES: usize = 16_384;

/// Largest age of a view that verifies tokens.
const MAX_VIEW_AGE: Duration = Duration::from_millis(500);

/// Known part of the log, and the time of the last complete poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Number of the history: a history that replaces another one has the next number.
    number: u64,
    contents: RevocationIndex,
    position: Option<Position>,
    polled_at: Option<Duration>,
    recent: VecDeque<Entry>,
    /// Entry that this replica has acknowledged before reading it. No token is verified until the entry is read.
    required: Option<Logged>,
}

/// Result of the check of a token against the revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationCheck {
    /// Cause of the revocation if the token is dead.
    pub dead: Option<Cause>,
    /// Position up to which the log was known.
    pub position: Position,
}

/// Error of a view that is too old or incomplete: no token can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log of revocations has not been read lately")]
pub struct StaleView;

/// Successor of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextEntry<'h> {
    /// The next entry.
    Entry(&'h Entry),
    /// The entry is the last one.
    End,
    /// The entry has not been read here.
    Unread,
    /// Another entry has this revision: the two belong to different histories.
    Other,
    /// The entry is too old to tell.
    Lost,
}

/// Effect of a page of the log on the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOutcome {
    /// The whole log is known.
    Complete,
    /// The log has more pages.
    More,
    /// The log contradicts the known entries: it has lost entries. The page was not applied.
    Forked,
}

/// New rows of a page, and the identity of their log.
struct NewEntries<'p> {
    log: LogId,
    entries: &'p [Entry],
    /// Set if rows between the last known row and these have been pruned.
    is_after_pruning: bool,
}

impl History {
    /// Returns an empty history that replaces this one.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self { number: self.number + 1, ..Self::default() }
    }

    /// Returns the number of this history among those of the replica.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the revision to read from: the last known one, which is read again.
    pub fn next(&self) -> i64 {
        self.position.map_or(0, |position| position.last.revision)
    }

    /// Applies a page that was requested at the time `asked`.
    ///
    /// Writes the index first, then the position, then the time of the poll. So a reader never sees a position or a
    /// time that is newer than the index.
    pub fn take(&mut self, page: &LogPage, asked: Duration) -> PageOutcome {
        let Some(new) = self.new_rows(page) else { return PageOutcome::Forked };
        self.contents.follow_horizon(page.horizon);
        for entry in new.entries {
            self.contents.add(entry);
        }
        if new.is_after_pruning {
            // Guards cannot get the pruned rows: their feeds are reset.
            self.recent.clear();
        }
        for entry in new.entries {
            if self.recent.len() == MAX_RECENT_ENTRIES {
                self.recent.pop_front();
            }
            self.recent.push_back(entry.clone());
        }
        let last = new.entries.last().map(|entry| entry.logged).or(self.position.map(|position| position.last));
        self.position = last.map(|last| Position { log: new.log, last });
        self.required = self.required.filter(|required| self.has(*required).is_none());
        if !page.is_last() {
            return PageOutcome::More;
        }
        self.polled_at = Some(asked);
        PageOutcome::Complete
    }

    /// Returns true if the page contradicts the known entries: the log has lost some.
    pub fn is_contradicted(&self, page: &LogPage) -> bool {
        self.new_rows(page).is_none()
    }

    /// Returns the unknown rows of the page, unless the page contradicts the known rows.
    ///
    /// Pruning does not count as a contradiction. It raises the horizon in the same transaction, and the horizon
    /// refuses what the missing rows revoked. Known revocations stay known.
    fn new_rows<'p>(&self, page: &'p LogPage) -> Option<NewEntries<'p>> {
        let entries = page.entries.as_slice();
        let first = entries.first()?;
        let Some(Position { log, last }) = self.position else {
            // The log's beginning may have been pruned; a valid log has at least one entry.
            return Some(NewEntries { log: page.log, entries, is_after_pruning: false });
        };
        if !is_unbroken(entries) {
            return None;
        }
        if first.logged == last {
            let entries = &entries[1..];
            // A new identity comes with a row of its own, which may be on a later page.
            let is_begun_anew = entries.iter().any(|entry| entry.revocation == Revocation::Start);
            let log = match page.log {
                same if same == log => log,
                new if is_begun_anew => new,
                _ if !page.is_last() => log,
                _ => return None,
            };
            return Some(NewEntries { log, entries, is_after_pruning: false });
        }
        let is_after_pruning = first.logged.revision > last.revision && page.log == log;
        is_after_pruning.then_some(NewEntries { log, entries, is_after_pruning })
    }

    /// Returns the position up to which the log is known. The caller reads `now` after the history.
    ///
    /// # Errors
    /// [`StaleView`] if the last complete poll began more than 500 ms before.
    pub fn position_at(&self, now: Duration) -> Result<Position, StaleView> {
        self.polled_at.filter(|polled_at| now.saturating_sub(*polled_at) <= MAX_VIEW_AGE).ok_or(StaleView)?;
        self.position.filter(|_| self.required.is_none_or(|required| self.has(required).is_some())).ok_or(StaleView)
    }

    /// Makes the view stale until this committed entry has been read. Returns `false`, without an effect, if the log has lost
    /// the entry.
    pub fn require(&mut self, logged: Logged) -> bool {
        let known = self.has(logged);
        if known.is_none() && self.required.is_none_or(|required| required.revision < logged.revision) {
            self.required = Some(logged);
        }
        known != Some(false)
    }

    /// Checks a token at the time `now`, which is read after the history.
    ///
    /// # Errors
    /// [`StaleView`] if the view is too old or incomplete.
    pub fn check_revocation(&self, bearer: Bearer<'_>, now: Duration) -> Result<RevocationCheck, StaleView> {
        let position = self.position_at(now)?;
        Ok(RevocationCheck { dead: self.contents.check_revocation(bearer), position })
    }

    /// Returns the index of the revocations.
    pub fn contents(&self) -> &RevocationIndex {
        &self.contents
    }

    /// Returns the index, to remove old entries.
    pub fn contents_mut(&mut self) -> &mut RevocationIndex {
        &mut self.contents
    }

    /// Returns the last known position, if there was a poll.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Returns the time at which the last complete poll began.
    pub fn polled_at(&self) -> Option<Duration> {
        self.polled_at
    }

    /// Returns `true` if the view has this entry, and `false` if the log has lost it; `None` if the view has not read
    /// that far.
    pub fn has(&self, logged: Logged) -> Option<bool> {
        match self.after(logged) {
            NextEntry::Unread => None,
            NextEntry::Entry(_) | NextEntry::End => Some(true),
            NextEntry::Other | NextEntry::Lost => Some(false),
        }
    }

    /// Returns the successor of this entry.
    pub fn after(&self, logged: Logged) -> NextEntry<'_> {
        let Some(last) = self.position.map(|position| position.last.revision) else { return NextEntry::Unread };
        if logged.revision > last {
            return NextEntry::Unread;
        }
        let Ok(index) = self.recent.binary_search_by_key(&logged.revision, |entry| entry.logged.revision) else {
            return NextEntry::Lost;
        };
        if self.recent[index].logged != logged {
            return NextEntry::Other;
        }
        match self.recent.get(index + 1) {
            None => NextEntry::End,
            Some(next) if next.logged.revision == logged.revision + 1 => NextEntry::Entry(next),
            // The first page of this history lacks the rows between them.
            Some(_) => NextEntry::Lost,
        }
    }
}

/// Returns `true` if the revisions have no gap. Pruning removes only the oldest rows.
fn is_unbroken(entries: &[Entry]) -> bool {
    entries.windows(2).all(|two| two[1].logged.revision == two[0].logged.revision + 1)
}

#[cfg(test)]
mod tests;
