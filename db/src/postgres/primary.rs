//! A dedicated connection for polls, which follows the address to the primary.

use std::fmt;
use std::time::Duration;

use sqlx::{Connection as _, Error};

use super::dialer::{DialedConnection, Dialer};
use super::dials::Dials;
use super::identity::unfit;
use super::limit::limited;
use super::values::values;
use crate::error::{ConnectionFate, connection_fate, is_answer, is_timeout};
use crate::{ReadRow, SqlStatement};

/// Age at which a second connection is opened beside the old one. After the address has moved, the old server may still
/// run, and only a new connection shows the move.
const RENEWAL_AGE: Duration = Duration::from_secs(10);

/// A connection to the primary behind the address. A separate task opens the connection, and opens it again after a
/// fault.
pub(crate) struct PrimaryConnection {
    dialer: Dialer,
    kept: Option<KeptConnection>,
    dials: Dials,
}

/// A connection for one poll.
struct KeptConnection {
    made: DialedConnection,
    /// Set after a timeout: the answer to an older poll is still to come.
    is_doubted: bool,
}

impl PrimaryConnection {
    pub(super) fn new(dialer: Dialer) -> Self {
        Self { dials: Dials::new(dialer.clone()), dialer, kept: None }
    }

    /// Returns the rows of a statement. Waits for them up to the limit of a poll.
    ///
    /// # Errors
    /// The error of the poll, or a timeout.
    pub(crate) async fn select<T: ReadRow>(&mut self, statement: &SqlStatement) -> Result<Vec<T>, Error> {
        let values = values(statement)?;
        let mut kept = self.take().await?;
        let poll = sqlx::query_as_with(statement.sql, values).fetch_all(&mut kept.made.connection);
        let polled = limited(self.dialer.times().poll(), poll).await;
        self.put_back(kept, polled)
    }

    /// Takes the connection until it is [put back](Self::put_back). A connection that is dropped before that is closed.
    ///
    /// # Errors
    /// No connection can be opened, or the connection is not ready yet. The next poll waits for the same connection.
    async fn take(&mut self) -> Result<KeptConnection, Error> {
        if let Some(mut kept) = self.kept.take().filter(|kept| !self.dialer.has_left(&kept.made)) {
            if kept.made.begun.elapsed() > RENEWAL_AGE {
                self.dials.begin();
            }
            if let Some(made) = self.dials.ready() {
                return Ok(KeptConnection { made, is_doubted: false });
            }
            // The new connection may have shown that the address has moved.
            if !self.dialer.has_left(&kept.made) && kept.answers(self.dialer.times().ping()).await {
                return Ok(kept);
            }
        }
        Ok(KeptConnection { made: self.dials.next(self.dialer.times().connect()).await?, is_doubted: false })
    }

    /// Puts the connection back after a poll with this result, for the next poll, unless it is lost.
    ///
    /// # Errors
    /// The error of the poll, or an error if the address has moved away from the server that answered.
    fn put_back<T>(&mut self, mut kept: KeptConnection, polled: Result<T, Error>) -> Result<T, Error> {
        if self.dialer.has_left(&kept.made) {
            return Err(unfit("the address of the database leads to another server than the one that has answered"));
        }
        match &polled {
            Err(error) if is_timeout(error) => {
                kept.is_doubted = true;
                self.kept = Some(kept);
            }
            Err(error) if connection_fate(error) != ConnectionFate::Serves => self.dialer.slow_down(),
            _ => self.kept = Some(kept),
        }
        polled
    }

    pub(crate) async fn close(mut self) {
        if let Some(kept) = self.kept.take() {
            // The connection is discarded, so its error does not matter.
            let _ = limited(self.dialer.times().connect(), kept.made.connection.close()).await;
        }
    }
}

impl KeptConnection {
    /// Returns true if the connection can be used. After a timeout, first reads the answer to the older poll, and
    /// returns false if it does not arrive within the limit.
    async fn answers(&mut self, limit: Duration) -> bool {
        if !self.is_doubted {
            return true;
        }
        let drained = limited(limit, async {
            // The first answer refuses the poll that took too long.
            match self.made.connection.ping().await {
                Err(error) if is_answer(&error) => self.made.connection.ping().await,
                drained => drained,
            }
        });
        self.is_doubted = drained.await.is_err();
        !self.is_doubted
    }
}

impl fmt::Debug for PrimaryConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PrimaryConnection").field("is_open", &self.kept.is_some()).finish_non_exhaustive()
    }
}
