//! Positions in the revocation log.

use std::collections::VecDeque;

/// A row of the log: its number, and a mark that differs in a lost history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Logged {
    /// The number of the row. Numbers have no gaps.
    pub revision: i64,
    /// A random value.
    pub mark: [u8; 16],
}

/// A position in the log: every row up to it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The id of the log.
    pub log: [u8; 16],
    /// The last known row.
    pub last: Logged,
}

/// The marks of a log's rows from one position on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Marks {
    floor: Position,
    last: Position,
    /// Marks of the rows after `floor`, in order.
    since: VecDeque<[u8; 16]>,
}

impl Marks {
    /// Creates a list without rows after `floor`.
    pub(super) fn since(floor: Position) -> Self {
        Self { floor, last: floor, since: VecDeque::new() }
    }

    /// Returns the number of rows after the first position.
    pub(super) fn len(&self) -> usize {
        self.since.len()
    }

    /// Returns the last position.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Returns true if this row follows the last one.
    pub(super) fn is_next(&self, row: Logged) -> bool {
        self.last.last.revision.checked_add(1) == Some(row.revision)
    }

    /// Adds the next row.
    pub(super) fn push(&mut self, row: Logged) {
        self.since.push_back(row.mark);
        self.last.last = row;
    }

    /// Returns true if this position is the first one or one of the rows after it, in the same history.
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
