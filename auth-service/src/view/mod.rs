//! The view: the log of revocations and the API keys in the memory of a replica, so that tokens are verified without the database.
//!
//! Only one task, the follower, moves the view. No token is verified while the view is older than 500 ms.

mod api_keys;
mod follower;
mod history;
mod revocation_index;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use kit::Uptime;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

pub use follower::{Follower, REVOCATION_RETENTION, ReadKeys};
pub use history::{History, NextEntry, PageOutcome, RevocationCheck, StaleView};
pub use revocation_index::{Bearer, RevocationIndex};

use self::api_keys::ApiKeyTable;
use crate::domain::{ApiKey, ApiKeyId, Horizon, Logged, Position};

/// Longest wait of a caller for the view: below the deadline of every method.
const VIEW_WAIT_TIMEOUT: Duration = Duration::from_millis(400);

/// View of a replica, shared by all calls.
#[derive(Debug)]
pub struct View {
    history: RwLock<History>,
    /// API keys. The follower moves them before the history: they may be newer than the position, never older.
    api_keys: RwLock<ApiKeyTable>,
    uptime: Uptime,
    /// Requests for a poll now.
    poll_request: Notify,
    /// Requests for a poll because of an unknown key, which may not exist.
    key_poll_request: Notify,
    /// Number of polls begun.
    begun: AtomicU64,
    /// Number of the last complete poll. A failed poll sends the same number again, to wake the waiting callers.
    polled: watch::Sender<u64>,
    /// Notifies after each poll that found an entry.
    moved: watch::Sender<()>,
    /// Set if the last poll failed.
    is_away: AtomicBool,
    /// Position that a guard knows and the log has lost, until the log is restarted.
    lost: Mutex<Option<Position>>,
    /// Restarts of the log by this replica.
    forks: ForkCounts,
}

/// Numbers of restarts of the log by a replica, one for each kind of [`Finder`].
#[derive(Debug, Default)]
struct ForkCounts {
    by_replica: AtomicU64,
    by_guard: AtomicU64,
}

/// Party that knew entries which the log has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finder {
    /// This replica.
    Replica,
    /// A guard, by the position that it presented.
    Guard,
}

/// Notifications of the view's polls and changes.
#[derive(Debug)]
pub struct ViewChanges {
    polled: watch::Receiver<u64>,
    moved: watch::Receiver<()>,
}

impl ViewChanges {
    /// Waits for a poll that found an entry, or for `any` poll. Returns at once if there was one since the last call.
    pub async fn next(&mut self, any: bool) {
        // The view outlives all calls, so the channel never closes.
        let _ = if any { self.polled.changed().await } else { self.moved.changed().await };
    }
}

impl View {
    /// Creates an empty view.
    pub fn new(uptime: Uptime) -> Self {
        Self {
            history: RwLock::default(),
            api_keys: RwLock::default(),
            uptime,
            poll_request: Notify::new(),
            key_poll_request: Notify::new(),
            begun: AtomicU64::new(0),
            polled: watch::Sender::new(0),
            moved: watch::Sender::new(()),
            is_away: AtomicBool::new(false),
            lost: Mutex::default(),
            forks: ForkCounts::default(),
        }
    }

    /// Checks a token against the revocations.
    ///
    /// # Errors
    /// [`StaleView`] if the view is too old or incomplete.
    pub fn check_revocation(&self, bearer: Bearer<'_>) -> Result<RevocationCheck, StaleView> {
        self.read_at(|history, now| history.check_revocation(bearer, now))
    }

    /// Checks that the view is fresh, and polls once if it is too old, for example after a stall of this process. Fails at
    /// once while the log cannot be read.
    ///
    /// # Errors
    /// [`StaleView`] if the view is still too old.
    pub async fn refresh(&self) -> Result<(), StaleView> {
        match self.position() {
            Ok(_) => Ok(()),
            Err(StaleView) => self.poll_again().await,
        }
    }

    /// Returns the number of polls begun.
    pub fn polls(&self) -> u64 {
        self.begun.load(SeqCst)
    }

    /// Returns the position up to which the log is known.
    ///
    /// # Errors
    /// [`StaleView`] if the view is too old or incomplete.
    pub fn position(&self) -> Result<Position, StaleView> {
        self.read_at(History::position_at)
    }

    /// Reads the history and the time, in this order.
    pub fn read_at<T>(&self, read: impl FnOnce(&History, Duration) -> T) -> T {
        let history = self.read();
        let now = self.uptime.now();
        read(&history, now)
    }

    /// Returns the time since the last complete poll began; `None` before the first one.
    pub fn age(&self) -> Option<Duration> {
        self.read_at(|history, now| history.polled_at().map(|polled_at| now.saturating_sub(polled_at)))
    }

    /// Returns the number of revoked ids in memory.
    pub fn entries(&self) -> usize {
        self.read().contents().len()
    }

    /// Subscribes to the polls and changes from now on.
    pub fn changes(&self) -> ViewChanges {
        ViewChanges { polled: self.polled.subscribe(), moved: self.moved.subscribe() }
    }

    /// Reports a position that an authenticated guard knows and the log has lost. The next poll restarts the log before
    /// any token is verified with the remaining log.
    pub fn report_lost(&self, position: Position) {
        if self.lost().replace(position) != Some(position) {
            self.poll_request.notify_one();
        }
    }

    /// Returns the number of restarts of the log by this replica for losses that this party found.
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

    /// Returns the time until which all issued tokens are dead.
    pub fn horizon(&self) -> Horizon {
        self.read().contents().horizon()
    }

    /// Returns `true` if the tokens of this key are dead.
    pub fn has_killed(&self, key: &str) -> bool {
        self.read().contents().has_killed(key)
    }

    /// Returns the API key with this id. The caller reads the position first: then the key reflects at least all entries up
    /// to that position.
    pub fn api_key(&self, id: ApiKeyId) -> Option<Arc<ApiKey>> {
        self.api_keys.read().unwrap_or_else(PoisonError::into_inner).get(id)
    }

    /// Returns the number of API keys.
    pub fn api_key_count(&self) -> usize {
        self.api_keys.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until the view has this committed entry.
    ///
    /// # Errors
    /// [`StaleView`] at once if the log cannot be read or has lost the entry; otherwise after a timeout.
    pub async fn reach(&self, logged: Logged) -> Result<(), StaleView> {
        let known = self.until(&self.poll_request, |_| self.read().has(logged)).await?;
        if known { Ok(()) } else { Err(StaleView) }
    }

    /// Makes the view stale until this committed entry has been read. The entry can then be acknowledged while the log cannot
    /// be read. Returns `false` if the log has lost the entry.
    pub fn owe(&self, logged: Logged) -> bool {
        self.write().owe(logged)
    }

    /// Waits for a poll that begins after this call.
    ///
    /// # Errors
    /// [`StaleView`] if the poll fails or takes too long.
    pub async fn poll_again(&self) -> Result<(), StaleView> {
        self.poll_after(self.begun.load(SeqCst), &self.poll_request).await
    }

    /// Waits for a poll that begins after this call, because a token names an unknown key.
    ///
    /// Anyone can write such tokens. Therefore one poll serves all waiting calls, and at most one such poll begins in 50 ms.
    /// A poll that began before the call does not count: it may have missed the key.
    ///
    /// # Errors
    /// [`StaleView`] if the poll fails or takes too long.
    pub async fn poll_for_key(&self) -> Result<(), StaleView> {
        self.poll_after(self.begun.load(SeqCst), &self.key_poll_request).await
    }

    async fn poll_after(&self, begun: u64, ask: &Notify) -> Result<(), StaleView> {
        self.until(ask, |complete| (complete > begun).then_some(())).await
    }

    /// Waits until `answer` returns a value. Calls `answer` at once and after each poll, with the last poll's number.
    async fn until<T>(&self, ask: &Notify, answer: impl Fn(u64) -> Option<T>) -> Result<T, StaleView> {
        let mut polled = self.polled.subscribe();
        let waiting = async {
            loop {
                let complete = *polled.borrow_and_update();
                if let Some(answer) = answer(complete) {
                    return Ok(answer);
                }
                if self.is_away.load(SeqCst) {
                    return Err(StaleView);
                }
                ask.notify_one();
                polled.changed().await.map_err(|_| StaleView)?;
            }
        };
        timeout(VIEW_WAIT_TIMEOUT, waiting).await.unwrap_or(Err(StaleView))
    }

    fn read(&self) -> RwLockReadGuard<'_, History> {
        self.history.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_api_keys(&self) -> RwLockWriteGuard<'_, ApiKeyTable> {
        self.api_keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, History> {
        self.history.write().unwrap_or_else(PoisonError::into_inner)
    }
}
