//! A dedicated connection for polls, which follows the address to the primary.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::{Connection as _, Error, PgConnection};

use super::dialer::{DialedConnection, Dialer};
use super::dials::Dials;
use super::identity::unfit;
use super::limit::limited;
use crate::error::{ConnectionFate, connection_fate, is_answer, is_timeout};

/// Age at which a second connection is opened beside the old one. After the address has moved, the old server may still
/// run, and only a new connection shows the move.
const RENEWAL_AGE: Duration = Duration::from_secs(10);

/// A connection to the primary behind the address. A separate task opens the connection, and opens it again after a
/// fault.
pub struct PrimaryConnection {
    dialer: Dialer,
    kept: Option<KeptConnection>,
    dials: Dials,
}

/// A connection for one poll.
pub struct KeptConnection {
    made: DialedConnection,
    /// Set after a timeout: the answer to an older poll is still to come.
    is_doubted: bool,
}

impl PrimaryConnection {
    pub(super) fn new(dialer: Dialer) -> Self {
        Self { dials: Dials::new(dialer.clone()), dialer, kept: None }
    }

    /// Takes the connection until it is [put back](Self::put_back). A connection that is dropped before that is closed.
    ///
    /// # Errors
    /// No connection can be opened, or the connection is not ready yet. The next poll waits for the same connection.
    pub async fn take(&mut self) -> Result<KeptConnection, Error> {
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

    /// Waits for the answer to a poll, up to the limit.
    ///
    /// # Errors
    /// The error of the poll, or a timeout.
    pub async fn limit<T>(&self, poll: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        limited(self.dialer.times().poll(), poll).await
    }

    /// Puts the connection back after a poll with this result, for the next poll, unless it is lost.
    ///
    /// # Errors
    /// The error of the poll, or an error if the address has moved away from the server that answered.
    pub fn put_back<T>(&mut self, mut kept: KeptConnection, polled: Result<T, Error>) -> Result<T, Error> {
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

impl Deref for KeptConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.made.connection
    }
}

impl DerefMut for KeptConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.made.connection
    }
}

impl fmt::Debug for PrimaryConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PrimaryConnection").field("is_open", &self.kept.is_some()).finish_non_exhaustive()
    }
}
