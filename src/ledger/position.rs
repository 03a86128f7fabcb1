//! Places in the log of revocations.

use std::collections::VecDeque;

/// A row of the log: its number, and what tells it from another of that number in a history that has been lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Logged {
    /// Rows are numbered without gaps.
    pub revision: i64,
    /// Random.
    pub mark: [u8; 16],
}

/// A place in the log: every row up to it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which log it is.
    pub log: [u8; 16],
    /// Its last row that is known.
    pub last: Logged,
}

/// The rows of a log from one position on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Marks {
    floor: Position,
    last: Position,
    /// Of the rows after the floor, in order.
    since: VecDeque<[u8; 16]>,
}

impl Marks {
    /// No rows after this one yet.
    pub(super) fn since(floor: Position) -> Self {
        Self { floor, last: floor, since: VecDeque::new() }
    }

    /// How many rows there are after the first position.
    pub(super) fn len(&self) -> usize {
        self.since.len()
    }

    /// The last row.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Whether this row follows the last one.
    pub(super) fn is_next(&self, row: Logged) -> bool {
        self.last.last.revision.checked_add(1) == Some(row.revision)
    }

    /// Adds the next row.
    pub(super) fn push(&mut self, row: Logged) {
        self.since.push_back(row.mark);
        self.last.last = row;
    }

    /// Whether this is the first position or one of the rows after it: the same row of the same history.
    pub(super) fn has(&self, position: &Position) -> bool {
        let Position { log, last: Logged { revision, mark } } = position;
        let after = revision.checked_sub(self.floor.last.revision).and_then(|after| usize::try_from(after).ok());
        let known = match after {
            None => return false,
            Some(0) => Some(&self.floor.last.mark),
            Some(after) => self.since.get(after - 1),
        };
        *log == self.floor.log && known == Some(mark)
    }
}
