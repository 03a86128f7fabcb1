//! The view: what a replica knows of the log of revocations, so that a token is judged without the database.
//!
//! One task, the follower, alone moves it. A token is judged by a view that is at most half a second old, or not at all.

mod contents;
mod follow;
mod history;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use kit::Uptime;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

pub use contents::{Bearer, Contents};
pub use follow::{Follower, REVOCATION_RETENTION, ReadKeys};
pub use history::{History, NextEntry, PageOutcome, RevocationCheck, StaleView};

use crate::domain::{Horizon, Logged, Position};

/// How long a caller waits until the view has come as far as it must: below the deadline of every method.
const PATIENCE: Duration = Duration::from_millis(400);

/// What all calls of a replica share of its view.
#[derive(Debug)]
pub struct View {
    history: RwLock<History>,
    uptime: Uptime,
    /// Somebody wants a look now.
    nudge: Notify,
    /// Somebody wants a look for the sake of a key that may not be there at all.
    wish: Notify,
    /// How many looks have been begun.
    begun: AtomicU64,
    /// The number of the last complete one; told again when one has failed.
    looked: watch::Sender<u64>,
    /// Told whenever a look has brought something.
    moved: watch::Sender<()>,
    /// Whether the last one has failed.
    is_away: AtomicBool,
    /// A position that a guard was told and the log has lost, until the log has begun anew.
    lost: Mutex<Option<Position>>,
    /// The number of times that this replica has begun the log anew, by the finder of the loss.
    forks: Forks,
}

/// The number of times that a replica has begun the log anew.
#[derive(Debug, Default)]
struct Forks {
    by_replica: AtomicU64,
    by_guard: AtomicU64,
}

/// The party that knew entries which the log has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finder {
    /// This replica.
    Replica,
    /// A guard, which came with its position.
    Guard,
}

/// Tells when the view has learnt something.
#[derive(Debug)]
pub struct Changes {
    looked: watch::Receiver<u64>,
    moved: watch::Receiver<()>,
}

impl Changes {
    /// Waits for a look that has brought something, or for `any` look; returns at once for one since the last call.
    pub async fn next(&mut self, any: bool) {
        // The view outlives all calls: an error never comes.
        let _ = if any { self.looked.changed().await } else { self.moved.changed().await };
    }
}

impl View {
    /// A view that knows nothing yet.
    pub fn new(uptime: Uptime) -> Self {
        Self {
            history: RwLock::default(),
            uptime,
            nudge: Notify::new(),
            wish: Notify::new(),
            begun: AtomicU64::new(0),
            looked: watch::Sender::new(0),
            moved: watch::Sender::new(()),
            is_away: AtomicBool::new(false),
            lost: Mutex::default(),
            forks: Forks::default(),
        }
    }

    /// Judges a token.
    ///
    /// # Errors
    /// [`Stale`].
    pub fn judge(&self, bearer: Bearer<'_>) -> Result<RevocationCheck, StaleView> {
        self.read_at(|history, now| history.judge(bearer, now))
    }

    /// Makes sure that the view can judge now, and looks once more where it is too old only because this process, or its
    /// task, had no turn. While the log cannot be read nobody waits.
    ///
    /// # Errors
    /// [`Stale`].
    pub async fn refresh(&self) -> Result<(), StaleView> {
        match self.position() {
            Ok(_) => Ok(()),
            Err(StaleView) => self.poll_again().await,
        }
    }

    /// Returns how many looks have been begun.
    pub fn polls(&self) -> u64 {
        self.begun.load(SeqCst)
    }

    /// How far the log is known.
    ///
    /// # Errors
    /// [`Stale`].
    pub fn position(&self) -> Result<Position, StaleView> {
        self.read_at(History::position_at)
    }

    /// Reads the history and the time, in this order.
    pub fn read_at<T>(&self, read: impl FnOnce(&History, Duration) -> T) -> T {
        let history = self.read();
        let now = self.uptime.now();
        read(&history, now)
    }

    /// What the view will learn from now on.
    pub fn changes(&self) -> Changes {
        Changes { looked: self.looked.subscribe(), moved: self.moved.subscribe() }
    }

    /// Takes in a position that an authenticated guard was told and the log has lost: the next look begins the log anew,
    /// before any token is judged by what is left of it.
    pub fn report_lost(&self, position: Position) {
        if self.lost().replace(position) != Some(position) {
            self.nudge.notify_one();
        }
    }

    /// Returns how often this replica has begun the log anew because of what this party knew.
    pub fn forks(&self, finder: Finder) -> u64 {
        self.forks_of(finder).load(SeqCst)
    }

    fn forks_of(&self, finder: Finder) -> &AtomicU64 {
        match finder {
            Finder::Replica => &self.forks.by_replica,
            Finder::Guard => &self.forks.by_guard,
        }
    }

    fn lost(&self) -> MutexGuard<'_, Option<Position>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells which tokens are dead whatever else is known of them.
    pub fn horizon(&self) -> Horizon {
        self.read().contents().horizon()
    }

    /// Whether the tokens of this key are dead.
    pub fn has_killed(&self, key: &str) -> bool {
        self.read().contents().has_killed(key)
    }

    /// Waits until the view has this entry, which has been committed.
    ///
    /// # Errors
    /// [`Stale`], at once while the log cannot be read, and when it has lost the entry.
    pub async fn reach(&self, logged: Logged) -> Result<(), StaleView> {
        let known = self.until(&self.nudge, |_| self.read().has(logged)).await?;
        if known { Ok(()) } else { Err(StaleView) }
    }

    /// Judges nothing any more until this entry has been read, which has been committed: so it can be acknowledged while the
    /// log cannot be read. Returns `false` if the log has lost it.
    pub fn owe(&self, logged: Logged) -> bool {
        self.write().owe(logged)
    }

    /// Waits for a look that has begun after this call.
    ///
    /// # Errors
    /// [`Stale`].
    pub async fn poll_again(&self) -> Result<(), StaleView> {
        self.look_after(self.begun.load(SeqCst), &self.nudge).await
    }

    /// Waits for a look that has begun after this call, for the sake of a token whose key is not known here. Anybody can
    /// write such tokens: one look serves all that wait, and at most one look in 50 ms begins for them. So a call waits for
    /// the rest of those 50 ms and for one look. A look that has begun before the call does not count: it may have missed
    /// the key.
    ///
    /// # Errors
    /// [`Stale`].
    pub async fn poll_for_key(&self) -> Result<(), StaleView> {
        self.look_after(self.begun.load(SeqCst), &self.wish).await
    }

    async fn look_after(&self, begun: u64, ask: &Notify) -> Result<(), StaleView> {
        self.until(ask, |complete| (complete > begun).then_some(())).await
    }

    /// Waits for an answer, which is asked for again after each look, with that one's number.
    async fn until<T>(&self, ask: &Notify, answer: impl Fn(u64) -> Option<T>) -> Result<T, StaleView> {
        let mut looked = self.looked.subscribe();
        let waiting = async {
            loop {
                let complete = *looked.borrow_and_update();
                if let Some(answer) = answer(complete) {
                    return Ok(answer);
                }
                if self.is_away.load(SeqCst) {
                    return Err(StaleView);
                }
                ask.notify_one();
                looked.changed().await.map_err(|_| StaleView)?;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or(Err(StaleView))
    }

    fn read(&self) -> RwLockReadGuard<'_, History> {
        self.history.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, History> {
        self.history.write().unwrap_or_else(PoisonError::into_inner)
    }
}
