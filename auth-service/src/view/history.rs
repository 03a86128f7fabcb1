//! One replica's view of the log as a pure machine: no clock, no database, no task.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{Cause, Entry, LogId, Logged, Position, Revocation};
use crate::store::LogPage;

use super::contents::{Bearer, Contents};

/// How many of the last entries are kept as they are, for whoever is told of them one by one.
const RECENT: usize = 16_384;

/// How old the view may be when a token is judged by it.
const FRESH: Duration = Duration::from_millis(500);

/// What is known of the log, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Which history this is: each one that takes another's place has the next number.
    number: u64,
    contents: Contents,
    position: Option<Position>,
    polled_at: Option<Duration>,
    recent: VecDeque<Entry>,
    /// An entry that this replica has acknowledged before it read it: until then nothing is judged.
    owed: Option<Logged>,
}

/// What a history says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationCheck {
    /// Why the token is dead, if it is.
    pub dead: Option<Cause>,
    /// How far the log was known then.
    pub position: Position,
}

/// The view is too old, or not complete: nothing can be said of any token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log of revocations has not been read lately")]
pub struct StaleView;

/// What follows an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextEntry<'h> {
    /// This one.
    Entry(&'h Entry),
    /// Nothing: it is the last one.
    End,
    /// The entry has not been read here.
    Unread,
    /// Another entry has this revision: the two are of different histories.
    Other,
    /// It is unknown: the entry is too far back.
    Lost,
}

/// What a page of the log has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOutcome {
    /// All that the log holds is known.
    Complete,
    /// There is more to read.
    More,
    /// The log contradicts what was known of it: it has lost entries. Nothing of the page was taken.
    Forked,
}

/// Rows of a page that are new, and the log that they are of.
struct New<'p> {
    log: LogId,
    entries: &'p [Entry],
    /// Rows between the last known one and these have been pruned.
    is_after_pruning: bool,
}

impl History {
    /// The one that takes this one's place, and knows nothing yet.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self { number: self.number + 1, ..Self::default() }
    }

    /// Which history this is, of those that this replica has had.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The revision to read from: the last one that is known, once more.
    pub fn next(&self) -> i64 {
        self.position.map_or(0, |position| position.last.revision)
    }

    /// Takes in what a look has read that was begun at the time `asked`.
    ///
    /// Contents first, then the position, then the time of the look, so that no order of reading them finds a label that
    /// says more than what it stands on.
    pub fn take(&mut self, page: &LogPage, asked: Duration) -> PageOutcome {
        let Some(new) = self.new_rows(page) else { return PageOutcome::Forked };
        self.contents.follow_horizon(page.horizon);
        for entry in new.entries {
            self.contents.add(entry);
        }
        if new.is_after_pruning {
            // Followers of this view cannot be told of rows that are gone: they are reset.
            self.recent.clear();
        }
        for entry in new.entries {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(entry.clone());
        }
        let last = new.entries.last().map(|entry| entry.logged).or(self.position.map(|position| position.last));
        self.position = last.map(|last| Position { log: new.log, last });
        self.owed = self.owed.filter(|owed| self.has(*owed).is_none());
        if !page.is_last() {
            return PageOutcome::More;
        }
        self.polled_at = Some(asked);
        PageOutcome::Complete
    }

    /// Returns the rows of the page beyond what is known; `None` if the page contradicts what is known.
    ///
    /// A log whose oldest rows have been pruned contradicts nothing. The horizon, which pruning raises in the same
    /// transaction, refuses what the missing rows revoked; what was known before stays known.
    fn new_rows<'p>(&self, page: &'p LogPage) -> Option<New<'p>> {
        let entries = page.entries.as_slice();
        let first = entries.first()?;
        let Some(Position { log, last }) = self.position else {
            // The beginning may have been pruned, and a log without any entry is none.
            return Some(New { log: page.log, entries, is_after_pruning: false });
        };
        if !is_unbroken(entries) {
            return None;
        }
        if first.logged == last {
            let entries = &entries[1..];
            // A log gets another identity only together with a row that says so, which may be on a later page.
            let is_begun_anew = entries.iter().any(|entry| entry.revocation == Revocation::Start);
            let log = match page.log {
                same if same == log => log,
                new if is_begun_anew => new,
                _ if !page.is_last() => log,
                _ => return None,
            };
            return Some(New { log, entries, is_after_pruning: false });
        }
        let is_after_pruning = first.logged.revision > last.revision && page.log == log;
        is_after_pruning.then_some(New { log, entries, is_after_pruning })
    }

    /// How far the log is known at the time `now`, which is read after the history.
    ///
    /// # Errors
    /// [`Stale`] when the last complete look was begun more than half a second before.
    pub fn position_at(&self, now: Duration) -> Result<Position, StaleView> {
        self.polled_at.filter(|polled_at| now.saturating_sub(*polled_at) <= FRESH).ok_or(StaleView)?;
        self.position.filter(|_| self.owed.is_none_or(|owed| self.has(owed).is_some())).ok_or(StaleView)
    }

    /// Judges nothing any more until this entry has been read, which has been committed. Returns `false`, and owes nothing,
    /// if the log has lost it.
    pub fn owe(&mut self, logged: Logged) -> bool {
        let known = self.has(logged);
        if known.is_none() && self.owed.is_none_or(|owed| owed.revision < logged.revision) {
            self.owed = Some(logged);
        }
        known != Some(false)
    }

    /// Judges a token at the time `now`, which is read after the history.
    ///
    /// # Errors
    /// [`Stale`].
    pub fn judge(&self, bearer: Bearer<'_>, now: Duration) -> Result<RevocationCheck, StaleView> {
        let position = self.position_at(now)?;
        Ok(RevocationCheck { dead: self.contents.judge(bearer), position })
    }

    /// What is revoked.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The same, to forget what is over.
    pub fn contents_mut(&mut self) -> &mut Contents {
        &mut self.contents
    }

    /// How far the log is known; `None` before the first look.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// When the last complete look was begun; `None` before the first.
    pub fn polled_at(&self) -> Option<Duration> {
        self.polled_at
    }

    /// Whether this entry is known; `None` while the view has not come so far.
    pub fn has(&self, logged: Logged) -> Option<bool> {
        match self.after(logged) {
            NextEntry::Unread => None,
            NextEntry::Entry(_) | NextEntry::End => Some(true),
            NextEntry::Other | NextEntry::Lost => Some(false),
        }
    }

    /// Returns what follows this entry.
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
            // The first page that was read here lacks the rows between them.
            Some(_) => NextEntry::Lost,
        }
    }
}

/// Returns true if no row is missing between two of these: pruning takes out the oldest ones alone.
fn is_unbroken(entries: &[Entry]) -> bool {
    entries.windows(2).all(|two| two[1].logged.revision == two[0].logged.revision + 1)
}

#[cfg(test)]
mod tests;
