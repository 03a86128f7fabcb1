//! Bounds the bytes that the server keeps for its peers, for the process and for each connection.
//!
//! A caller reserves room before the bytes exist and waits while there is none. WaitingReservation connections take turns, and a
//! connection that has cost others their room before comes last and gets less.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::state::{BudgetState, LARGE, MemoryLimits, OFFENDERS_SHARE, SMALL, Usage, WaitingReservation, share};

/// Reservations of one connection and kind that may wait. Each that waits costs memory, too.
const MAX_WAITING: usize = 32;

/// All bytes of one kind that the process holds for its peers.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<SharedBudget>);

#[derive(Debug)]
struct SharedBudget {
    limits: MemoryLimits,
    next: AtomicU64,
    state: Mutex<BudgetState>,
}

/// One connection's part of the budget. It ends with its last reservation.
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

    /// Returns the bytes that are held for the process.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.state().held
    }

    fn state(&self) -> MutexGuard<'_, BudgetState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryAccount {
    /// Returns a reservation of the bytes as soon as there is room; `None` if too many of the connection wait already. A
    /// caller that goes meanwhile leaves the queue.
    ///
    /// It is never of more bytes than an offender may hold: so much finds room at some time.
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

    /// Returns a reservation of the bytes if there is room for them now.
    pub(crate) fn try_reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let taken = self.budget.state().take(self.id, bytes, self.limits(), Instant::now());
        taken.then(|| Reservation::new(Arc::clone(self), bytes))
    }

    /// Changes a reservation from one size to another; reports whether there was room. Shrinking always succeeds.
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

    /// Gives the bytes of a reservation back.
    fn release(&self, bytes: usize) {
        let (mut state, limits) = (self.budget.state(), self.limits());
        state.give_back(self.id, bytes, limits);
        state.grant(limits);
    }

    /// Returns the bytes that the connection holds.
    pub(crate) fn held(&self) -> usize {
        self.budget.state().accounts.get(&self.id).map_or(0, |usage| usage.small + usage.large)
    }

    /// Reports whether another connection, no offender, waits for the process's bytes.
    pub(crate) fn is_pressed(&self) -> bool {
        let (state, now) = (self.budget.state(), Instant::now());
        let others = state.turns.iter().filter(|id| **id != self.id).filter_map(|id| state.accounts.get(id));
        others.filter(|usage| !usage.is_offender(now)).any(|usage| {
            let mut all = usage.waiting.iter().flatten().filter(|waiting| !waiting.granted.is_closed());
            all.any(|waiting| usage.has_room(waiting.bytes, self.limits()))
        })
    }

    /// Records that the connection held bytes for longer than the server waits; returns how often it has done so lately.
    pub(crate) fn offend(&self) -> u32 {
        let (mut state, now) = (self.budget.state(), Instant::now());
        let Some(usage) = state.accounts.get_mut(&self.id) else { return 0 };
        usage.offences = if usage.is_offender(now) { usage.offences.saturating_add(1) } else { 1 };
        usage.offended = Some(now);
        usage.offences
    }

    /// Reports whether a reservation of so many bytes is a small one.
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

/// Bytes that one connection holds.
#[derive(Debug)]
pub(crate) struct Reservation {
    account: Arc<MemoryAccount>,
    bytes: usize,
}

impl Reservation {
    fn new(account: Arc<MemoryAccount>, bytes: usize) -> Self {
        Self { account, bytes }
    }

    /// Makes it a reservation of so many bytes; reports whether there was room. Shrinking always succeeds.
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

/// A reservation that waits for its turn.
struct Grant<'a> {
    account: &'a Arc<MemoryAccount>,
    bytes: usize,
    granted: oneshot::Receiver<()>,
}

impl Grant<'_> {
    async fn wait(mut self) -> Reservation {
        // The sender is lost with the account alone, which lives as long as this reservation.
        let _ = (&mut self.granted).await;
        Reservation::new(Arc::clone(self.account), self.bytes)
    }
}

impl Drop for Grant<'_> {
    fn drop(&mut self) {
        self.granted.close();
        // Granted, and not taken: the caller has gone.
        if self.granted.try_recv().is_ok() {
            self.account.release(self.bytes);
        } else {
            // Others may have waited behind this one.
            self.account.budget.state().grant(self.account.limits());
        }
    }
}
