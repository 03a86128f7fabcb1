//! Revocations: each has a stamp for the log, and is acknowledged once it is in force here.

use std::sync::Arc;

use kit::Clock;

use crate::domain::{Logged, Stamp};
use crate::error::Error;
use crate::feed::Subscribers;
use crate::stamp::stamp;
use crate::view::View;

/// The parts that make a revocation count.
pub(crate) struct Revocations {
    /// The revocations that this replica knows.
    pub(crate) view: Arc<View>,
    /// The guards that are told of revocations.
    pub(crate) listeners: Subscribers,
    pub(crate) clock: Clock,
}

impl Revocations {
    /// Returns the stamp of a log entry that is written now.
    pub(super) fn stamp(&self) -> Stamp {
        stamp(self.clock.now())
    }

    /// Waits until this replica refuses what was revoked, and until the guards that listen to it do, where that takes no
    /// time. A silent guard delays no call: its own bound holds.
    ///
    /// A committed revocation is acknowledged while the log cannot be read, too: until it can, this replica judges no token.
    pub(super) async fn take_effect(&self, logged: impl Into<Option<Logged>> + Send) -> Result<(), Error> {
        let Some(logged) = logged.into() else { return Ok(()) };
        if self.view.reach(logged).await.is_err() {
            return if self.view.owe(logged) { Ok(()) } else { Err(Error::Lost) };
        }
        self.listeners.reached(logged.revision).await;
        Ok(())
    }
}
