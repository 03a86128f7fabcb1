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

use self::queue::CallQueue;
use super::abandoned::AbandonedWork;
use super::dialer::{DialedConnection, Dialer, may_pass};
use super::linger::linger;

/// Longest time that a connection lies unused, and its highest age: a server keeps memory for each.
const MAX_IDLE_TIME: Duration = Duration::from_mins(10);
const MAX_CONNECTION_AGE: Duration = Duration::from_mins(30);

/// Differences between pools.
#[derive(Debug)]
pub(super) struct PoolLimits {
    /// The most connections.
    pub(super) connections: usize,
    /// Longest wait of a call for a connection.
    pub(super) acquire: Duration,
    /// Time that a connection may lie unused before it is tried out.
    pub(super) trusted: Duration,
}

/// Connections that are alike.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<PoolInner>);

#[derive(Debug)]
struct PoolInner {
    dialer: Dialer,
    limits: PoolLimits,
    abandoned: AbandonedWork,
    state: Mutex<PoolState>,
    /// Told when the last connection in use has come back.
    unused: Notify,
}

#[derive(Debug, Default)]
struct PoolState {
    idle: Vec<IdleConnection>,
    waiting: CallQueue<Result<UsedConnection, Error>>,
    /// Places taken: by connections in use, idle, being made, or left to the server.
    permits: usize,
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
pub(super) struct PooledConnection {
    pub(super) made: DialedConnection,
    permit: PoolPermit,
}

#[derive(Debug)]
struct IdleConnection {
    pooled: PooledConnection,
    /// The time of its last answer.
    answered: Instant,
}

/// One of the pool's places; free for another connection when it is dropped.
#[derive(Debug)]
struct PoolPermit(Weak<PoolInner>);

/// A connection that is in use. Dropped, it goes back as its work allows.
#[derive(Debug)]
pub(super) struct UsedConnection {
    pooled: Option<PooledConnection>,
    /// The time of its last answer.
    answered: Instant,
    work: PendingWork,
    pool: Pool,
}

/// PendingWork that a connection is in the middle of.
#[derive(Clone, Copy, Debug)]
pub(super) enum PendingWork {
    None,
    /// A statement, which ends by itself.
    Statement,
    /// A transaction, which the server undoes when its connection is cut.
    Transaction,
}

impl Pool {
    /// A pool without connections.
    pub(super) fn new(dialer: Dialer, limits: PoolLimits, abandoned: &AbandonedWork) -> Self {
        let (state, unused) = (Mutex::default(), Notify::new());
        Self(Arc::new(PoolInner { dialer, limits, abandoned: abandoned.clone(), state, unused }))
    }

    fn hand(&self, state: &mut PoolState, pooled: PooledConnection, answered: Instant) -> UsedConnection {
        state.in_use += 1;
        UsedConnection::new(pooled, answered, self.clone())
    }

    /// Takes a connection back that has last answered then, for a call that waits, or for later.
    fn put(&self, pooled: PooledConnection, answered: Instant) {
        let idle = IdleConnection { pooled, answered };
        let mut state = self.state();
        let mut leaving: Vec<IdleConnection> =
            state.idle.extract_if(.., |idle| idle.answered.elapsed() > MAX_IDLE_TIME).collect();
        if self.must_leave(&state, &idle) {
            leaving.push(idle);
        } else {
            let mut idle = Some(idle);
            while let Some(next) = idle.as_ref().and_then(|_| state.waiting.next()) {
                let Some(IdleConnection { pooled, answered }) = idle.take() else { break };
                let used = self.hand(&mut state, pooled, answered);
                if let Err(Ok(mut back)) = next.send(Ok(used)) {
                    state.in_use -= 1;
                    idle = back.take().map(|pooled| IdleConnection { pooled, answered });
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
            let more = wanted.min(self.0.limits.connections.saturating_sub(state.permits));
            state.permits += more;
            state.dialing += more;
            more
        };
        for _ in 0..more {
            runtime.spawn(self.clone().make(PoolPermit(Arc::downgrade(&self.0))));
        }
    }

    async fn make(self, permit: PoolPermit) {
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
            Ok(made) => self.put(PooledConnection { made, permit }, Instant::now()),
            Err(error) => {
                tracing::debug!(%error, "no connection to the database");
                for call in refused {
                    let _ = call.send(Err(again(&error)));
                }
                drop(permit);
            }
        }
    }

    fn must_leave(&self, state: &PoolState, idle: &IdleConnection) -> bool {
        let IdleConnection { pooled: PooledConnection { made, .. }, answered } = idle;
        made.begun.elapsed() > MAX_CONNECTION_AGE
            || answered.elapsed() > MAX_IDLE_TIME
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
    fn leave(&self, pooled: PooledConnection, is_kept: bool) {
        let Ok(runtime) = Handle::try_current() else { return };
        let PooledConnection { made, permit } = pooled;
        let settled = made.backend.clone().map(|backend| self.0.abandoned.add(backend));
        // Cut at once, if at all: the server then undoes what is not committed.
        let kept = is_kept.then_some(made);
        let pool = self.clone();
        runtime.spawn(async move {
            if let Some(made) = linger(kept, settled, &pool.0.abandoned).await {
                pool.put(PooledConnection { made, permit }, Instant::now());
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UsedConnection {
    fn new(pooled: PooledConnection, answered: Instant, pool: Pool) -> Self {
        Self { pooled: Some(pooled), answered, work: PendingWork::None, pool }
    }

    /// The connection.
    #[expect(clippy::expect_used, reason = "each method that takes the connection ends the value")]
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.pooled.as_mut().expect("it is in use").made.connection
    }

    /// Begins work.
    pub(super) fn begin(&mut self, work: PendingWork) {
        self.work = work;
    }

    /// Returns the pool that the connection belongs to.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Lets others have the connection: the server has answered, and is ready for more.
    pub(super) fn give_back(mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.came_back();
            self.pool.put(pooled, Instant::now());
        }
    }

    /// Closes the connection, on which nothing runs.
    pub(super) fn discard(mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.came_back();
            drop(pooled);
        }
    }

    /// Leaves the connection to the server, which may still run something for it. It comes back after the answer if it is
    /// kept, and is cut otherwise.
    pub(super) fn leave(mut self, is_kept: bool) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.came_back();
            self.pool.leave(pooled, is_kept);
        }
    }

    /// Takes the connection out of a value that no call has got.
    fn take(&mut self) -> Option<PooledConnection> {
        self.pooled.take()
    }
}

impl Drop for UsedConnection {
    fn drop(&mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        self.pool.came_back();
        match self.work {
            PendingWork::None => self.pool.put(pooled, self.answered),
            PendingWork::Statement => self.pool.leave(pooled, true),
            PendingWork::Transaction => self.pool.leave(pooled, false),
        }
    }
}

impl Drop for PoolPermit {
    fn drop(&mut self) {
        let Some(inner) = self.0.upgrade() else { return };
        let pool = Pool(inner);
        pool.state().permits -= 1;
        pool.make_more();
    }
}

/// Returns the error for another call that waited for the same connection.
fn again(error: &Error) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::NotConnected, error.to_string()))
}

#[cfg(test)]
mod tests;
