//! Budget of the bytes that the server holds for its peers, in total and for each connection.
//!
//! A caller reserves room before the bytes exist, and waits for it. Waiting connections take turns. A connection that
//! has blocked the room of others is an *offender*: it comes last and gets less.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::state::{BudgetState, LARGE, MemoryLimits, OFFENDERS_SHARE, SMALL, Usage, WaitingReservation, share};

/// Reservations of one connection and kind that may wait. Each waiting one costs memory too.
const MAX_WAITING: usize = 32;

/// Budget of one kind of bytes for the process.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<SharedBudget>);

#[derive(Debug)]
struct SharedBudget {
    limits: MemoryLimits,
    next: AtomicU64,
    state: Mutex<BudgetState>,
}

/// Account of one connection in a budget. It ends with its last reservation.
#[derive(Debug)]
pub(crate) struct MemoryAccount {
    budget: Budget,
    id: u64,
}

impl Budget {
    pub(crate) fn new(limits: MemoryLimits) -> Self {
        Self(Arc::new(SharedBudget { limits, next: AtomicU64::new(0), state: Mutex::default() }))
    }

    /// Opens the account of a new connection.
    pub(crate) fn open_account(&self) -> Arc<MemoryAccount> {
        let id = self.0.next.fetch_add(1, Relaxed);
        self.state().accounts.insert(id, Usage::default());
        Arc::new(MemoryAccount { budget: self.clone(), id })
    }

    /// Returns the bytes that the process holds.
    pub(crate) fn held(&self) -> usize {
        self.state().held
    }

    /// Returns the most bytes that the process may hold.
    pub(crate) fn limit(&self) -> usize {
        self.0.limits.process
    }

    fn state(&self) -> MutexGuard<'_, BudgetState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryAccount {
    /// Returns a reservation as soon as there is room; `None` if too many reservations of the connection wait. A
    /// cancelled caller leaves the queue.
    ///
    /// A reservation never exceeds an offender's share, so it always finds room at some time.
    pub(crate) async fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let bytes = bytes.min(share(OFFENDERS_SHARE, self.limits()));
        let granted = {
            let mut state = self.budget.state();
            let (limits, kind) = (self.limits(), if self.limits().is_small(bytes) { SMALL } else { LARGE });
            let usage = state.accounts.get_mut(&self.id)?;
            usage.forget_the_gone();
            let waiting = usage.waiting[kind].len();
            if waiting == 0 && state.take(self.id, bytes, limits, Instant::now()) {
                return Some(Reservation::new(Arc::clone(self), bytes));
            }
            if waiting >= MAX_WAITING {
                return None;
            }
            let (granted, grant) = oneshot::channel();
            state.accounts.get_mut(&self.id)?.waiting[kind].push_back(WaitingReservation { bytes, granted });
            if !state.turns.contains(&self.id) {
                state.turns.push_back(self.id);
            }
            grant
        };
        Some(Grant { account: self, bytes, granted }.wait().await)
    }

    /// Returns a reservation if there is room now.
    pub(crate) fn try_reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let taken = self.budget.state().take(self.id, bytes, self.limits(), Instant::now());
        taken.then(|| Reservation::new(Arc::clone(self), bytes))
    }

    /// Changes the size of a reservation. Returns false if there is no room; shrinking always succeeds.
    fn resize(&self, from: usize, to: usize) -> bool {
        let (mut state, limits) = (self.budget.state(), self.limits());
        state.give_back(self.id, from, limits);
        if to <= from {
            state.add(self.id, to, limits);
            state.grant(limits);
            return true;
        }
        let has_room = state.take(self.id, to, limits, Instant::now());
        if !has_room {
            state.add(self.id, from, limits);
        }
        has_room
    }

    /// Releases the bytes of a reservation.
    fn release(&self, bytes: usize) {
        let (mut state, limits) = (self.budget.state(), self.limits());
        state.give_back(self.id, bytes, limits);
        state.grant(limits);
    }

    /// Returns the bytes that the connection holds.
    pub(crate) fn held(&self) -> usize {
        self.budget.state().accounts.get(&self.id).map_or(0, |usage| usage.small + usage.large)
    }

    /// Returns true if another connection that is not an offender waits for the process's bytes.
    pub(crate) fn is_pressed(&self) -> bool {
        let (state, now) = (self.budget.state(), Instant::now());
        let others = state.turns.iter().filter(|id| **id != self.id).filter_map(|id| state.accounts.get(id));
        others.filter(|usage| !usage.is_offender(now)).any(|usage| {
            let mut all = usage.waiting.iter().flatten().filter(|waiting| !waiting.granted.is_closed());
            all.any(|waiting| usage.has_room(waiting.bytes, self.limits()))
        })
    }

    /// Records that the connection held bytes for too long. Returns the number of its recent offences.
    pub(crate) fn offend(&self) -> u32 {
        let (mut state, now) = (self.budget.state(), Instant::now());
        let Some(usage) = state.accounts.get_mut(&self.id) else { return 0 };
        usage.offences = if usage.is_offender(now) { usage.offences.saturating_add(1) } else { 1 };
        usage.offended = Some(now);
        usage.offences
    }

    /// Returns true if a reservation of this number of bytes is small.
    pub(crate) fn is_small(&self, bytes: usize) -> bool {
        self.limits().is_small(bytes)
    }

    fn limits(&self) -> &MemoryLimits {
        &self.budget.0.limits
    }
}

impl Drop for MemoryAccount {
    fn drop(&mut self) {
        self.budget.state().accounts.remove(&self.id);
    }
}

/// Reserved bytes of one connection, released when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    account: Arc<MemoryAccount>,
    bytes: usize,
}

impl Reservation {
    fn new(account: Arc<MemoryAccount>, bytes: usize) -> Self {
        Self { account, bytes }
    }

    /// Returns the reserved bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Resizes the reservation. Returns false if there is no room; shrinking always succeeds.
    pub(crate) fn resize(&mut self, bytes: usize) -> bool {
        let resized = bytes == self.bytes || self.account.resize(self.bytes, bytes);
        if resized {
            self.bytes = bytes;
        }
        resized
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.account.release(self.bytes);
    }
}

/// Reservation that waits for its turn.
struct Grant<'a> {
    account: &'a Arc<MemoryAccount>,
    bytes: usize,
    granted: oneshot::Receiver<()>,
}

impl Grant<'_> {
    async fn wait(mut self) -> Reservation {
        // The sender lives in the account, which lives as long as this reservation.
        let _ = (&mut self.granted).await;
        Reservation::new(Arc::clone(self.account), self.bytes)
    }
}

impl Drop for Grant<'_> {
    fn drop(&mut self) {
        self.granted.close();
        // The grant was not taken, because the caller has gone.
        if self.granted.try_recv().is_ok() {
            self.account.release(self.bytes);
        } else {
            // Others may wait behind this one.
            self.account.budget.state().grant(self.account.limits());
        }
    }
}
