//! A bounded pool of connections to a server. No fault holds a call for longer than the call's time limit.
//!
//! An abandoned connection keeps its permit until the server runs nothing for it. The pool uses the connection again
//! once the server has answered. Separate tasks open new connections, and go on even if the call that needed one has
//! ended.

mod acquire;
mod levels;
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
use crate::measures::WaitMeasure;

/// Longest idle time of a connection: the server keeps memory for each connection.
const MAX_IDLE_TIME: Duration = Duration::from_mins(10);
/// Age after which a connection is closed once no call uses it.
const MAX_CONNECTION_AGE: Duration = Duration::from_mins(30);

/// Limits of one pool.
#[derive(Debug)]
pub(super) struct PoolLimits {
    /// Largest number of connections.
    pub(super) connections: usize,
    /// Longest wait of a call for a connection.
    pub(super) acquire: Duration,
    /// Idle time after which a connection is tested before its use.
    pub(super) trusted: Duration,
}

/// A pool of interchangeable connections.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<PoolInner>);

#[derive(Debug)]
struct PoolInner {
    dialer: Dialer,
    limits: PoolLimits,
    abandoned: AbandonedWork,
    waits: WaitMeasure,
    state: Mutex<PoolState>,
    /// Notified when the last connection in use has come back.
    unused: Notify,
}

#[derive(Debug, Default)]
struct PoolState {
    idle: Vec<IdleConnection>,
    waiting: CallQueue<Result<UsedConnection, Error>>,
    /// Permits taken by connections that are in use, idle, being opened, or left to the server.
    permits: usize,
    in_use: usize,
    /// Number of connection attempts that are not slow.
    dialing: usize,
    /// Time at which a connection did not answer. Connections without an answer since then are tested before their use.
    doubted: Option<Instant>,
    /// Time at which a connection was lost. Connections without an answer since then are closed.
    lost: Option<Instant>,
    is_closed: bool,
}

/// A connection and its permit.
#[derive(Debug)]
pub(super) struct PooledConnection {
    pub(super) made: DialedConnection,
    permit: PoolPermit,
}

#[derive(Debug)]
struct IdleConnection {
    pooled: PooledConnection,
    /// Time of its last answer.
    answered: Instant,
}

/// One of the pool's permits; free for another connection once it is dropped.
#[derive(Debug)]
struct PoolPermit(Weak<PoolInner>);

/// A connection in use. When dropped, it returns to the pool, or is left to the server if it has unfinished work.
#[derive(Debug)]
pub(super) struct UsedConnection {
    pooled: Option<PooledConnection>,
    /// Time of its last answer.
    answered: Instant,
    work: PendingWork,
    pool: Pool,
}

/// Unfinished work of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum PendingWork {
    None,
    /// A statement, which ends by itself.
    Statement,
    /// A transaction, which the server rolls back when its connection is closed.
    Transaction,
}

impl Pool {
    /// Creates a pool without connections.
    pub(super) fn new(dialer: Dialer, limits: PoolLimits, abandoned: &AbandonedWork) -> Self {
        let (waits, state, unused) = (WaitMeasure::default(), Mutex::default(), Notify::new());
        Self(Arc::new(PoolInner { dialer, limits, abandoned: abandoned.clone(), waits, state, unused }))
    }

    fn hand_out(&self, state: &mut PoolState, pooled: PooledConnection, answered: Instant) -> UsedConnection {
        state.in_use += 1;
        UsedConnection::new(pooled, answered, self.clone())
    }

    /// Takes a connection back, with the time of its last answer, for a waiting call or for later.
    fn put(&self, pooled: PooledConnection, answered: Instant) {
        let idle = IdleConnection { pooled, answered };
        let mut state = self.state();
        let mut leaving: Vec<IdleConnection> =
            state.idle.extract_if(.., |idle| idle.answered.elapsed() > MAX_IDLE_TIME).collect();
        if self.must_leave(&state, &idle) {
            leaving.push(idle);
        } else {
            let mut idle = Some(idle);
            while let Some(next) = idle.as_ref().and_then(|_| state.waiting.pop()) {
                let Some(IdleConnection { pooled, answered }) = idle.take() else { break };
                let used = self.hand_out(&mut state, pooled, answered);
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

    /// Records that a connection is no longer in use.
    fn note_returned(&self) {
        let mut state = self.state();
        state.in_use -= 1;
        if state.in_use == 0 {
            self.0.unused.notify_waiters();
        }
    }

    /// Starts to open a connection for each waiting call while permits are free.
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
            // An error that will not pass fails the waiting calls now, not at their time limit.
            if made.as_ref().is_err_and(|error| !may_pass(error)) { state.waiting.drain() } else { Vec::new() }
        };
        match made {
            Ok(made) => self.put(PooledConnection { made, permit }, Instant::now()),
            Err(error) => {
                tracing::debug!(%error, "no connection to the database");
                for call in refused {
                    let _ = call.send(Err(refusal_after(&error)));
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

    /// Records a lost connection. Connections without an answer since then count as lost, too.
    pub(super) fn mark_lost(&self) {
        self.state().lost = Some(Instant::now());
    }

    /// Records a silent connection. Connections without an answer since then are tested.
    pub(super) fn mark_silent(&self) {
        self.state().doubted = Some(Instant::now());
    }

    /// Delays the next connection attempts after an unusable connection.
    pub(super) fn slow_down(&self) {
        self.0.dialer.slow_down();
    }

    /// Leaves a connection to the server until the server has answered, or runs nothing for the connection.
    fn leave(&self, pooled: PooledConnection, is_kept: bool) {
        let Ok(runtime) = Handle::try_current() else { return };
        let PooledConnection { made, permit } = pooled;
        let settled = made.backend.clone().map(|backend| self.0.abandoned.add(backend));
        // A connection that is not kept is closed at once, so that the server rolls its transaction back.
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

    /// Returns the connection.
    #[expect(clippy::expect_used, reason = "a value is not used after its connection is taken")]
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.pooled.as_mut().expect("the connection is in use").made.connection
    }

    /// Records the work that starts.
    pub(super) fn begin(&mut self, work: PendingWork) {
        self.work = work;
    }

    /// Returns the pool of the connection.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Returns the connection to the pool: the server has answered, and is ready for more.
    pub(super) fn give_back(mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.note_returned();
            self.pool.put(pooled, Instant::now());
        }
    }

    /// Closes the connection. The server must run nothing for it.
    pub(super) fn discard(mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.note_returned();
            drop(pooled);
        }
    }

    /// Leaves the connection to the server, which may still run a statement for it. If `is_kept` is set,
    /// the connection returns to the pool after the answer; otherwise it is closed at once.
    pub(super) fn leave(mut self, is_kept: bool) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.note_returned();
            self.pool.leave(pooled, is_kept);
        }
    }

    /// Takes back a connection that was granted to a call which no longer waits.
    fn take(&mut self) -> Option<PooledConnection> {
        self.pooled.take()
    }
}

impl Drop for UsedConnection {
    fn drop(&mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        self.pool.note_returned();
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
fn refusal_after(error: &Error) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::NotConnected, error.to_string()))
}

#[cfg(test)]
mod tests;
