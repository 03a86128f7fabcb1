//! A connection that a call uses, and the ways back to the pool.

use std::io;
use std::time::Instant;

use sqlx::{Error, PgConnection};

use super::{Pool, Slot};

/// A connection that is in use. Dropped, it goes back as its work allows.
#[derive(Debug)]
pub(in crate::postgres) struct Used {
    slot: Option<Slot>,
    /// The time of its last answer.
    pub(super) answered: Instant,
    work: Work,
    pool: Pool,
}

/// Work that a connection is in the middle of.
#[derive(Clone, Copy, Debug)]
pub(in crate::postgres) enum Work {
    None,
    /// A statement, which ends by itself.
    Statement,
    /// A transaction, which the server undoes when its connection is cut.
    Transaction,
}

impl Used {
    pub(super) fn new(slot: Slot, answered: Instant, pool: Pool) -> Self {
        Self { slot: Some(slot), answered, work: Work::None, pool }
    }

    /// The connection.
    #[expect(clippy::expect_used, reason = "each method that takes the connection ends the value")]
    pub(in crate::postgres) fn connection(&mut self) -> &mut PgConnection {
        &mut self.slot.as_mut().expect("it is in use").made.connection
    }

    /// Begins work.
    pub(in crate::postgres) fn begin(&mut self, work: Work) {
        self.work = work;
    }

    /// Returns the pool that the connection belongs to.
    pub(in crate::postgres) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Lets others have the connection: the server has answered, and is ready for more.
    pub(in crate::postgres) fn give_back(mut self) {
        if let Some(slot) = self.slot.take() {
            self.pool.came_back();
            self.pool.put(slot, Instant::now());
        }
    }

    /// Closes the connection, on which nothing runs.
    pub(in crate::postgres) fn discard(mut self) {
        if let Some(slot) = self.slot.take() {
            self.pool.came_back();
            drop(slot);
        }
    }

    /// Leaves the connection to the server, which may still run something for it. It comes back after the answer if it is
    /// kept, and is cut otherwise.
    pub(in crate::postgres) fn leave(mut self, is_kept: bool) {
        if let Some(slot) = self.slot.take() {
            self.pool.came_back();
            self.pool.leave(slot, is_kept);
        }
    }

    /// Takes the connection out of a value that no call has got.
    pub(super) fn take(&mut self) -> Option<Slot> {
        self.slot.take()
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        self.pool.came_back();
        match self.work {
            Work::None => self.pool.put(slot, self.answered),
            Work::Statement => self.pool.leave(slot, true),
            Work::Transaction => self.pool.leave(slot, false),
        }
    }
}

/// Returns the error for another call that waited for the same connection.
pub(super) fn again(error: &Error) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::NotConnected, error.to_string()))
}
