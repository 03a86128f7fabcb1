//! The connections to a server: so many at once, and no fault keeps a call for longer than it waits.
//!
//! A connection that was given up in the middle of a statement stays with the pool: it comes back when the server has
//! answered, and counts until the server runs nothing for it any more. New ones are made by tasks of their own, which go on
//! when the call that needed one has gone.

mod acquire;
mod queue;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::{Error, PgConnection};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use self::queue::Queue;
use super::debts::Debts;
use super::dialer::{Dialer, Made, may_pass};
use super::linger::linger;

/// Longest time that a connection lies unused, and its highest age: a server keeps memory for each.
const UNUSED: Duration = Duration::from_mins(10);
const OLD: Duration = Duration::from_mins(30);

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
    waiting: Queue<Result<Used, Error>>,
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

/// A connection that is in use. Dropped, it goes back as its work allows.
#[derive(Debug)]
pub(super) struct Used {
    slot: Option<Slot>,
    /// The time of its last answer.
    answered: Instant,
    work: Work,
    pool: Pool,
}

/// Work that a connection is in the middle of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    None,
    /// A statement, which ends by itself.
    Statement,
    /// A transaction, which the server undoes when its connection is cut.
    Transaction,
}

impl Pool {
    /// A pool without connections.
    pub(super) fn new(dialer: Dialer, limits: Limits, debts: &Debts) -> Self {
        let (state, unused) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inner { dialer, limits, debts: debts.clone(), state, unused }))
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
                    let _ = call.send(Err(again(&error)));
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    fn new(slot: Slot, answered: Instant, pool: Pool) -> Self {
        Self { slot: Some(slot), answered, work: Work::None, pool }
    }

    /// The connection.
    #[expect(clippy::expect_used, reason = "each method that takes the connection ends the value")]
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.slot.as_mut().expect("it is in use").made.connection
    }

    /// Begins work.
    pub(super) fn begin(&mut self, work: Work) {
        self.work = work;
    }

    /// Returns the pool that the connection belongs to.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Lets others have the connection: the server has answered, and is ready for more.
    pub(super) fn give_back(mut self) {
        if let Some(slot) = self.slot.take() {
            self.pool.came_back();
            self.pool.put(slot, Instant::now());
        }
    }

    /// Closes the connection, on which nothing runs.
    pub(super) fn discard(mut self) {
        if let Some(slot) = self.slot.take() {
            self.pool.came_back();
            drop(slot);
        }
    }

    /// Leaves the connection to the server, which may still run something for it. It comes back after the answer if it is
    /// kept, and is cut otherwise.
    pub(super) fn leave(mut self, is_kept: bool) {
        if let Some(slot) = self.slot.take() {
            self.pool.came_back();
            self.pool.leave(slot, is_kept);
        }
    }

    /// Takes the connection out of a value that no call has got.
    fn take(&mut self) -> Option<Slot> {
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

impl Drop for Place {
    fn drop(&mut self) {
        let Some(inner) = self.0.upgrade() else { return };
        let pool = Pool(inner);
        pool.state().places -= 1;
        pool.make_more();
    }
}

/// Returns the error for another call that waited for the same connection.
fn again(error: &Error) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::NotConnected, error.to_string()))
}

#[cfg(test)]
mod tests;
