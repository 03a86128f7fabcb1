//! Hands out the pool's connections to calls, and closes the pool.

use std::time::{Duration, Instant};

use kit::call;
use sqlx::{Connection as _, Error};
use tokio::time::{self, timeout_at};

use super::{Idle, Pool, Slot, Used, Work};
use crate::error::is_timeout;
use crate::postgres::limit::limited;

/// Time that a call needs after its wait, to be refused before its deadline.
const REFUSAL: Duration = Duration::from_millis(20);

impl Pool {
    /// A connection, an old one or a new one.
    pub(in crate::postgres) async fn acquire(&self) -> Result<Used, Error> {
        let give_up = self.give_up();
        loop {
            let mut used = timeout_at(give_up, self.next()).await.map_err(|_| self.timed_out())??;
            if !self.must_try(used.answered) {
                return Ok(used);
            }
            used.begin(Work::Statement);
            match limited(self.0.dialer.times().ping(), used.connection().ping()).await {
                Ok(()) => return Ok(used),
                Err(error) if is_timeout(&error) => self.is_silent(used),
                Err(_lost) => {
                    self.lose();
                    used.discard();
                }
            }
        }
    }

    /// Returns the time until which a call may wait.
    fn give_up(&self) -> time::Instant {
        let own = time::Instant::now() + self.0.limits.acquire;
        call::deadline().map_or(own, |end| own.min(end.checked_sub(REFUSAL).unwrap_or(end)))
    }

    /// Notes that a call has waited in vain, and returns its error.
    fn timed_out(&self) -> Error {
        self.state().waiting.timed_out();
        Error::PoolTimedOut
    }

    /// An idle connection, or the first that comes.
    async fn next(&self) -> Result<Used, Error> {
        let mut leaving = Vec::new();
        let coming = {
            let mut state = self.state();
            if state.is_closed {
                return Err(Error::PoolClosed);
            }
            // The one that was used last: it is the likeliest to work.
            while let Some(idle) = state.idle.pop() {
                if self.must_leave(&state, &idle) {
                    leaving.push(idle);
                    continue;
                }
                return Ok(self.hand(&mut state, idle.slot, idle.answered));
            }
            state.waiting.join()
        };
        // Outside of the lock, which their places take.
        drop(leaving);
        self.make_more();
        coming.await.unwrap_or(Err(Error::PoolClosed))
    }

    fn must_try(&self, answered: Instant) -> bool {
        answered.elapsed() > self.0.limits.trusted || self.state().doubted.is_some_and(|doubted| answered <= doubted)
    }

    /// An idle connection was tried out and is silent. Nothing runs on it: a new one takes its place. While one is being
    /// made, it may still answer.
    fn is_silent(&self, used: Used) {
        self.doubt();
        if self.state().dialing == 0 { used.discard() } else { used.leave(true) }
    }

    /// Refuses the calls that wait, waits until every connection in use has come back, and closes them.
    pub(in crate::postgres) async fn close(&self) {
        let waiting = {
            let mut state = self.state();
            state.is_closed = true;
            state.waiting.all()
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
        for Idle { slot: Slot { made, .. }, .. } in idle {
            let _ = limited(self.0.dialer.times().ping(), made.connection.close()).await;
        }
    }
}
