//! The connections to a server: so many at once, and no fault keeps a call for longer than it waits.
//!
//! A connection that was given up in the middle of a statement stays with the pool: it comes back when the server has
//! answered, and counts until the server runs nothing for it any more. New ones are made by tasks of their own, which go on
//! when the call that needed one has gone.

mod queue;
mod used;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Error};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{self, timeout_at};

use self::queue::Queue;
pub(super) use self::used::{Used, Work};
use super::debts::Debts;
use super::dialer::{Dialer, Made, may_pass};
use super::limit::limited;
use super::linger::linger;
use crate::error::is_timeout;
use kit::call;

/// Longest time that a connection lies unused, and its highest age: a server keeps memory for each.
const UNUSED: Duration = Duration::from_mins(10);
const OLD: Duration = Duration::from_mins(30);

/// Time that a call needs after its wait, to be refused before its deadline.
const REFUSAL: Duration = Duration::from_millis(20);

/// Differences between pools.
#[derive(Debug)]
pub(super) struct Limits {
    /// The most connections.
    pub(super) connections: usize,
    /// Longest wait of a call for a connection.
    pub(super) acquire: Duration,
    /// Time that a connection may lie unused before it is tried out.
    pub(super) trusted: Duration,
}

/// Connections that are alike.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dialer: Dialer,
    limits: Limits,
    debts: Debts,
    state: Mutex<State>,
    /// Told when the last connection in use has come back.
    unused: Notify,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Idle>,
    waiting: Queue,
    /// Places taken: by connections in use, idle, being made, or left to the server.
    places: usize,
    in_use: usize,
    /// Tries to connect that are not slow.
    dialing: usize,
    /// Connections that last answered before are tried out before they are used: another one was silent then.
    doubted: Option<Instant>,
    /// Connections that last answered before are closed: another one was lost then.
    lost: Option<Instant>,
    is_closed: bool,
}

/// A connection and its place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) made: Made,
    place: Place,
}

#[derive(Debug)]
struct Idle {
    slot: Slot,
    /// The time of its last answer.
    answered: Instant,
}

/// One of the pool's places; free for another connection when it is dropped.
#[derive(Debug)]
struct Place(Weak<Inner>);

impl Pool {
    /// A pool without connections.
    pub(super) fn new(dialer: Dialer, limits: Limits, debts: &Debts) -> Self {
        let (state, unused) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inner { dialer, limits, debts: debts.clone(), state, unused }))
    }

    /// A connection, an old one or a new one.
    pub(super) async fn acquire(&self) -> Result<Used, Error> {
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

    fn hand(&self, state: &mut State, slot: Slot, answered: Instant) -> Used {
        state.in_use += 1;
        Used::new(slot, answered, self.clone())
    }

    /// Takes a connection back that has last answered then, for a call that waits, or for later.
    fn put(&self, slot: Slot, answered: Instant) {
        let idle = Idle { slot, answered };
        let mut state = self.state();
        let mut leaving: Vec<Idle> = state.idle.extract_if(.., |idle| idle.answered.elapsed() > UNUSED).collect();
        if self.must_leave(&state, &idle) {
            leaving.push(idle);
        } else {
            let mut idle = Some(idle);
            while let Some(next) = idle.as_ref().and_then(|_| state.waiting.next()) {
                let Some(Idle { slot, answered }) = idle.take() else { break };
                let used = self.hand(&mut state, slot, answered);
                if let Err(Ok(mut back)) = next.send(Ok(used)) {
                    state.in_use -= 1;
                    idle = back.take().map(|slot| Idle { slot, answered });
                }
            }
            state.idle.extend(idle);
        }
        if state.is_closed {
            leaving.append(&mut state.idle);
        }
        drop(state);
        drop(leaving);
    }

    /// A connection is no longer in use.
    fn came_back(&self) {
        let mut state = self.state();
        state.in_use -= 1;
        if state.in_use == 0 {
            self.0.unused.notify_waiters();
        }
    }

    /// Begins to make a connection for each call that waits, as far as there are places.
    fn make_more(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let more = {
            let mut state = self.state();
            let wanted = state.waiting.len().saturating_sub(state.dialing);
            let more = wanted.min(self.0.limits.connections.saturating_sub(state.places));
            state.places += more;
            state.dialing += more;
            more
        };
        for _ in 0..more {
            runtime.spawn(self.clone().make(Place(Arc::downgrade(&self.0))));
        }
    }

    async fn make(self, place: Place) {
        let is_slow = AtomicBool::new(false);
        let slow = || {
            is_slow.store(true, Ordering::Relaxed);
            self.state().dialing -= 1;
            self.make_more();
        };
        let made = self.0.dialer.dial(slow).await;
        let refused = {
            let mut state = self.state();
            state.dialing -= usize::from(!is_slow.load(Ordering::Relaxed));
            // Those that wait would wait in vain.
            if made.as_ref().is_err_and(|error| !may_pass(error)) { state.waiting.all() } else { Vec::new() }
        };
        match made {
            Ok(made) => self.put(Slot { made, place }, Instant::now()),
            Err(error) => {
                tracing::debug!(%error, "no connection to the database");
                for call in refused {
                    let _ = call.send(Err(used::again(&error)));
                }
                drop(place);
            }
        }
    }

    fn must_leave(&self, state: &State, idle: &Idle) -> bool {
        let Idle { slot: Slot { made, .. }, answered } = idle;
        made.begun.elapsed() > OLD
            || answered.elapsed() > UNUSED
            || state.lost.is_some_and(|lost| *answered <= lost)
            || self.0.dialer.has_left(made)
    }

    fn must_try(&self, answered: Instant) -> bool {
        answered.elapsed() > self.0.limits.trusted || self.state().doubted.is_some_and(|doubted| answered <= doubted)
    }

    /// A connection was found lost: those that have not answered since are lost, too.
    pub(super) fn lose(&self) {
        self.state().lost = Some(Instant::now());
    }

    /// A connection has not answered in time: those that have not answered since are tried out.
    pub(super) fn doubt(&self) {
        self.state().doubted = Some(Instant::now());
    }

    /// A new connection was of no use: the next ones are made more seldom.
    pub(super) fn slow_down(&self) {
        self.0.dialer.slow_down();
    }

    /// An idle connection was tried out and is silent. Nothing runs on it: a new one takes its place. While one is being
    /// made, it may still answer.
    fn is_silent(&self, used: Used) {
        self.doubt();
        if self.state().dialing == 0 { used.discard() } else { used.leave(true) }
    }

    /// Leaves a connection to the server until it has answered, or runs nothing for it any more.
    fn leave(&self, slot: Slot, is_kept: bool) {
        let Ok(runtime) = Handle::try_current() else { return };
        let Slot { made, place } = slot;
        let settled = made.backend.clone().map(|backend| self.0.debts.add(backend));
        // Cut at once, if at all: the server then undoes what is not committed.
        let kept = is_kept.then_some(made);
        let pool = self.clone();
        runtime.spawn(async move {
            if let Some(made) = linger(kept, settled, &pool.0.debts).await {
                pool.put(Slot { made, place }, Instant::now());
            }
        });
    }

    /// Refuses the calls that wait, waits until every connection in use has come back, and closes them.
    pub(super) async fn close(&self) {
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(inner) = self.0.upgrade() else { return };
        let pool = Pool(inner);
        pool.state().places -= 1;
        pool.make_more();
    }
}

#[cfg(test)]
mod tests;
