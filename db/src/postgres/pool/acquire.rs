//! Hands out the pool's connections to calls, and closes the pool.

use std::time::{Duration, Instant};

use kit::call;
use sqlx::{Connection as _, Error};
use tokio::time::{self, timeout_at};

use super::{IdleConnection, PendingWork, Pool, PooledConnection, UsedConnection};
use crate::error::is_timeout;
use crate::postgres::limit::limited;

/// Time between the end of a call's wait and its deadline, so that the refusal arrives in time.
const REFUSAL_MARGIN: Duration = Duration::from_millis(20);

impl Pool {
    /// Returns an idle or a new connection.
    pub(in crate::postgres) async fn acquire(&self) -> Result<UsedConnection, Error> {
        let (begun, give_up) = (Instant::now(), self.give_up());
        loop {
            let mut used = timeout_at(give_up, self.next()).await.map_err(|_| self.timed_out())??;
            if !self.must_test(used.answered) {
                self.0.waits.ended(begun.elapsed());
                return Ok(used);
            }
            used.begin(PendingWork::Statement);
            match limited(self.0.dialer.times().ping(), used.connection().ping()).await {
                Ok(()) => {
                    self.0.waits.ended(begun.elapsed());
                    return Ok(used);
                }
                Err(error) if is_timeout(&error) => self.replace_silent(used),
                Err(_lost) => {
                    self.mark_lost();
                    used.discard();
                }
            }
        }
    }

    /// Returns the time at which a call's wait ends.
    fn give_up(&self) -> time::Instant {
        let own = time::Instant::now() + self.0.limits.acquire;
        call::deadline().map_or(own, |end| own.min(end.checked_sub(REFUSAL_MARGIN).unwrap_or(end)))
    }

    /// Records that a call's wait has timed out, and returns the call's error.
    fn timed_out(&self) -> Error {
        self.0.waits.timed_out();
        self.state().waiting.timed_out();
        Error::PoolTimedOut
    }

    /// Returns an idle connection, or the first that becomes free.
    async fn next(&self) -> Result<UsedConnection, Error> {
        let mut leaving = Vec::new();
        let coming = {
            let mut state = self.state();
            if state.is_closed {
                return Err(Error::PoolClosed);
            }
            // The connection that was used last is the most likely to work.
            while let Some(idle) = state.idle.pop() {
                if self.must_leave(&state, &idle) {
                    leaving.push(idle);
                    continue;
                }
                return Ok(self.hand_out(&mut state, idle.pooled, idle.answered));
            }
            state.waiting.push()
        };
        // Dropped after the lock is released: dropping a permit takes the lock.
        drop(leaving);
        self.make_more();
        coming.await.unwrap_or(Err(Error::PoolClosed))
    }

    fn must_test(&self, answered: Instant) -> bool {
        answered.elapsed() > self.0.limits.trusted || self.state().doubted.is_some_and(|doubted| answered <= doubted)
    }

    /// Handles an idle connection that did not answer its test. Nothing runs on it, so a new one replaces it. It may
    /// still answer while another one is being opened.
    fn replace_silent(&self, used: UsedConnection) {
        self.mark_silent();
        if self.state().dialing == 0 { used.discard() } else { used.leave(true) }
    }

    /// Refuses the waiting calls, waits until every connection in use has come back, and closes them.
    pub(in crate::postgres) async fn close(&self) {
        let waiting = {
            let mut state = self.state();
            state.is_closed = true;
            state.waiting.drain()
        };
        drop(waiting);
        loop {
            let unused = self.0.unused.notified();
            tokio::pin!(unused);
            unused.as_mut().enable();
            if self.state().in_use == 0 {
                break;
            }
            unused.await;
        }
        let idle = std::mem::take(&mut self.state().idle);
        for IdleConnection { pooled: PooledConnection { made, .. }, .. } in idle {
            let _ = limited(self.0.dialer.times().ping(), made.connection.close()).await;
        }
    }
}
