//! One replica's view of the log as a pure machine: no clock, no database, no task.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{Cause, Entry, Logged, Position};
use crate::store::Page;

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
    looked_at: Option<Duration>,
    recent: VecDeque<Entry>,
}

/// What a history says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Why the token is dead, if it is.
    pub dead: Option<Cause>,
    /// How far the log was known then.
    pub position: Position,
}

/// The view is too old, or not complete: nothing can be said of any token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log of revocations has not been read lately")]
pub struct Stale;

/// What follows an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After<'h> {
    /// This one.
    Entry(&'h Entry),
    /// Nothing: it is the last one.
    End,
    /// The entry has not been read here.
    Unread,
    /// Nobody knows: the entry is not of this history, or too far back.
    Lost,
}

/// What a page of the log has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All that the log holds is known.
    Complete,
    /// There is more to read.
    More,
    /// What was known of the log is not in it any more: it has lost entries. Nothing of the page was taken.
    Forked,
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
    pub fn take(&mut self, page: &Page, asked: Duration) -> Taken {
        let Some(new) = self.unknown(page) else { return Taken::Forked };
        self.contents.follow_horizon(page.horizon);
        for entry in new {
            self.contents.add(entry);
        }
        for entry in new {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(entry.clone());
            self.position = Some(Position { log: page.log, last: entry.logged });
        }
        if !page.is_last() {
            return Taken::More;
        }
        self.looked_at = Some(asked);
        Taken::Complete
    }

    /// What the page has beyond what is known; `None` when it does not go on from there.
    fn unknown<'p>(&self, page: &'p Page) -> Option<&'p [Entry]> {
        let Some(position) = self.position else {
            // The beginning may have been pruned, and a log without any entry is none.
            return Some(page.entries.as_slice()).filter(|entries| !entries.is_empty());
        };
        let (first, new) = page.entries.split_first()?;
        let follows = |entry: &Entry, before: i64| entry.logged.revision == before + 1;
        let is_whole = page.entries.windows(2).all(|two| follows(&two[1], two[0].logged.revision));
        (page.log == position.log && first.logged == position.last && is_whole).then_some(new)
    }

    /// How far the log is known at the time `now`, which is read after the history.
    ///
    /// # Errors
    /// [`Stale`] when the last complete look was begun more than half a second before.
    pub fn position_at(&self, now: Duration) -> Result<Position, Stale> {
        self.looked_at.filter(|looked_at| now.saturating_sub(*looked_at) <= FRESH).ok_or(Stale)?;
        self.position.ok_or(Stale)
    }

    /// Judges a token at the time `now`, which is read after the history.
    ///
    /// # Errors
    /// [`Stale`].
    pub fn judge(&self, bearer: Bearer<'_>, now: Duration) -> Result<Judgement, Stale> {
        let position = self.position_at(now)?;
        Ok(Judgement { dead: self.contents.judge(bearer), position })
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
    pub fn looked_at(&self) -> Option<Duration> {
        self.looked_at
    }

    /// Whether this entry is known; `None` while the view has not come so far.
    pub fn has(&self, logged: Logged) -> Option<bool> {
        match self.after(logged) {
            After::Unread => None,
            After::Entry(_) | After::End => Some(true),
            After::Lost => Some(false),
        }
    }

    /// What follows this entry.
    pub fn after(&self, logged: Logged) -> After<'_> {
        let Some(last) = self.position.map(|position| position.last.revision) else { return After::Unread };
        let Ok(back) = usize::try_from(last.saturating_sub(logged.revision)) else { return After::Unread };
        let mut latest = self.recent.iter().rev();
        let next = match back.checked_sub(1) {
            Some(between) => latest.nth(between).map_or(After::Lost, After::Entry),
            None => After::End,
        };
        if latest.next().is_some_and(|entry| entry.logged == logged) { next } else { After::Lost }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{Horizon, LogId, Mark, Revocation};

    const LOG: LogId = LogId([1; 16]);
    const ASKED: Duration = Duration::from_secs(7);

    fn entry(revision: i64, mark: u8) -> Entry {
        let logged = Logged { revision, mark: Mark([mark; 16]) };
        Entry { logged, revocation: Revocation::NewSigningKeys, time: DateTime::UNIX_EPOCH }
    }

    fn page(head: i64, entries: Vec<Entry>) -> Page {
        Page { log: LOG, head, horizon: Horizon::default(), entries }
    }

    /// A history that knows the entries 4 to 6, of the mark 0.
    fn known() -> History {
        let mut history = History::default();
        assert_eq!(history.next(), 0);
        let beginning = page(6, (4..=6).map(|revision| entry(revision, 0)).collect());
        assert_eq!(history.take(&beginning, ASKED), Taken::Complete);
        history
    }

    fn revision(history: &History) -> Option<i64> {
        history.position().map(|position| position.last.revision)
    }

    #[test]
    fn a_history_begins_wherever_the_log_does_and_goes_on_from_there() {
        let mut history = known();
        assert_eq!((history.next(), revision(&history), history.looked_at()), (6, Some(6), Some(ASKED)));
        let later = ASKED + Duration::from_millis(200);
        assert_eq!(history.take(&page(8, vec![entry(6, 0), entry(7, 1), entry(8, 2)]), later), Taken::Complete);
        assert_eq!((revision(&history), history.looked_at()), (Some(8), Some(later)));
        assert_eq!(history.take(&page(8, vec![entry(8, 2)]), later), Taken::Complete, "nothing new");
    }

    #[test]
    fn a_page_that_does_not_reach_the_end_says_nothing_of_the_time() {
        let mut history = known();
        let many = (6..1006).map(|revision| entry(revision, 0)).collect();
        assert_eq!(history.take(&page(2000, many), ASKED * 2), Taken::More);
        assert_eq!((history.next(), history.looked_at()), (1005, Some(ASKED)));
    }

    #[test]
    fn a_log_that_has_lost_what_was_known_is_a_fork_and_nothing_of_it_is_taken() {
        let other = Page { log: LogId([2; 16]), ..page(7, vec![entry(6, 0), entry(7, 0)]) };
        for (what, fork) in [
            ("another mark", page(6, vec![entry(6, 1)])),
            ("another mark, and more", page(7, vec![entry(6, 1), entry(7, 0)])),
            ("rolled back", page(5, Vec::new())),
            ("pruned beyond", page(9, vec![entry(8, 0), entry(9, 0)])),
            ("a gap", page(8, vec![entry(6, 0), entry(8, 0)])),
            ("another log", other),
        ] {
            let mut history = known();
            assert_eq!(history.take(&fork, ASKED * 2), Taken::Forked, "{what}");
            assert_eq!((revision(&history), history.looked_at()), (Some(6), Some(ASKED)), "{what}");
        }
        assert_eq!(History::default().take(&page(0, Vec::new()), ASKED), Taken::Forked, "no log at all");
    }

    #[test]
    fn an_entry_is_known_by_its_mark_once_the_position_is_there() {
        let history = known();
        let logged = |revision, mark| entry(revision, mark).logged;
        assert_eq!(history.has(logged(7, 0)), None, "not yet");
        assert_eq!(history.has(logged(6, 0)), Some(true));
        assert_eq!(history.has(logged(4, 0)), Some(true));
        assert_eq!(history.has(logged(6, 1)), Some(false), "another history's");
        assert_eq!(history.has(logged(3, 0)), Some(false), "from before the beginning");
        assert_eq!(History::default().has(logged(0, 0)), None);
    }

    #[test]
    fn what_follows_an_entry_is_told_by_its_mark_and_no_further_back_than_is_kept() {
        let history = known();
        let logged = |revision, mark| entry(revision, mark).logged;
        assert_eq!(history.after(logged(4, 0)), After::Entry(&entry(5, 0)));
        assert_eq!(history.after(logged(6, 0)), After::End);
        assert_eq!(history.after(logged(7, 0)), After::Unread);
        for lost in [logged(5, 1), logged(6, 1), logged(3, 0), logged(i64::MIN, 0)] {
            assert_eq!(history.after(lost), After::Lost, "{lost:?}");
        }
        assert_eq!(History::default().after(logged(0, 0)), After::Unread);
    }

    #[test]
    fn a_successor_knows_nothing_and_is_told_from_the_one_before() {
        let next = known().successor();
        assert_eq!((next.number(), next.position(), next.looked_at()), (1, None, None));
    }

    #[test]
    fn only_the_last_entries_are_kept() {
        let mut history = known();
        for revision in 7..=20_000 {
            history.take(&page(revision, vec![entry(revision - 1, 0), entry(revision, 0)]), ASKED);
        }
        assert_eq!(history.recent.len(), RECENT);
        assert_eq!(history.has(entry(20_000, 0).logged), Some(true));
        assert_eq!(history.has(entry(20_001 - 16_384, 0).logged), Some(true));
        assert_eq!(history.has(entry(20_000 - 16_384, 0).logged), Some(false));
    }
}
