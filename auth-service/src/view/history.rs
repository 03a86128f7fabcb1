//! One replica's view of the log as a pure machine: no clock, no database, no task.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{Logged, Position};
use crate::store::Page;

use super::contents::Contents;

/// How many of the last entries' marks are kept, for whoever waits until one has been seen.
const MARKS: usize = 4096;

/// What is known of the log, and since when.
#[derive(Debug, Default)]
pub struct History {
    contents: Contents,
    position: Option<Position>,
    looked_at: Option<Duration>,
    recent: VecDeque<Logged>,
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
        self.contents.raise_horizon(page.horizon);
        for entry in new {
            self.contents.add(entry);
        }
        for entry in new {
            if self.recent.len() == MARKS {
                self.recent.pop_front();
            }
            self.recent.push_back(entry.logged);
            self.position = Some(Position { log: page.log, last: entry.logged });
        }
        if !page.is_last() {
            return Taken::More;
        }
        self.looked_at = Some(asked);
        Taken::Complete
    }

    /// What the page has beyond what is known; `None` when it does not go on from there.
    fn unknown<'p>(&self, page: &'p Page) -> Option<&'p [crate::domain::Entry]> {
        let Some(position) = self.position else {
            // The beginning may have been pruned, and a log without any entry is none.
            return Some(page.entries.as_slice()).filter(|entries| !entries.is_empty());
        };
        let (first, new) = page.entries.split_first()?;
        let follows = |entry: &crate::domain::Entry, before: i64| entry.logged.revision == before + 1;
        let is_whole = page.entries.windows(2).all(|two| follows(&two[1], two[0].logged.revision));
        (page.log == position.log && first.logged == position.last && is_whole).then_some(new)
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
        let position = self.position.filter(|position| position.last.revision >= logged.revision)?;
        let back = usize::try_from(position.last.revision - logged.revision).ok();
        let found = back.and_then(|back| self.recent.iter().rev().nth(back));
        Some(found == Some(&logged))
    }
}
