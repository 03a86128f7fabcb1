//! Bounds the bytes that the server keeps for its peers, for the process and for each connection.
//!
//! A caller reserves room before the bytes exist and waits while there is none. Waiting connections take turns, and a
//! connection that has cost others their room before comes last and gets less.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::hold::Hold;

/// The share of the process's bytes that large reservations may use together, so that small ones always find room.
const LARGE_SHARE: (usize, usize) = (1, 2);

/// The share that a connection may still use after an offence.
const OFFENDERS_SHARE: (usize, usize) = (1, 4);

/// The two kinds of waiting reservations.
const SMALL: usize = 0;
const LARGE: usize = 1;

/// Reservations of one connection and kind that may wait. Each that waits costs memory, too.
const MAX_WAITING: usize = 32;

/// Time for which an offence counts.
const OFFENCE_LIFE: Duration = Duration::from_mins(1);

/// The bytes that may be held at once.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimits {
    /// Bytes for the process.
    pub process: usize,
    /// Size in bytes up to which a reservation is small.
    pub small: usize,
    /// Bytes of small reservations for each connection.
    pub connection_small: usize,
    /// Bytes of large reservations for each connection. One large reservation is always possible, whatever its size.
    pub connection_large: usize,
}

/// All bytes of one kind that the process holds for its peers.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: MemoryLimits,
    next: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: usize,
    accounts: HashMap<u64, Usage>,
    /// Accounts with waiting reservations; the first one has the next turn.
    turns: VecDeque<u64>,
}

/// The bytes of one connection.
#[derive(Debug, Default)]
struct Usage {
    small: usize,
    large: usize,
    /// Reservations that wait, small ones apart from large ones, which they may pass.
    waiting: [VecDeque<Waiting>; 2],
    offences: u32,
    offended: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    bytes: usize,
    granted: oneshot::Sender<()>,
}

/// One connection's part of the budget. It ends with its last reservation.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Budget,
    id: u64,
}

impl Budget {
    pub(crate) fn new(limits: MemoryLimits) -> Self {
        Self(Arc::new(Shared { limits, next: AtomicU64::new(0), state: Mutex::default() }))
    }

    /// Opens the account of a new connection.
    pub(crate) fn open_account(&self) -> Arc<Account> {
        let id = self.0.next.fetch_add(1, Relaxed);
        self.state().accounts.insert(id, Usage::default());
        Arc::new(Account { budget: self.clone(), id })
    }

    /// Returns the bytes that are held for the process.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.state().held
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns this share of the process's bytes.
fn share((part, whole): (usize, usize), limits: &MemoryLimits) -> usize {
    limits.process / whole * part
}

impl MemoryLimits {
    fn is_small(&self, bytes: usize) -> bool {
        bytes <= self.small
    }
}

impl Usage {
    fn is_offender(&self, now: Instant) -> bool {
        self.offended.is_some_and(|time| now.duration_since(time) < OFFENCE_LIFE)
    }

    /// Reports whether the connection's own limit leaves room for the bytes.
    fn has_room(&self, bytes: usize, limits: &MemoryLimits) -> bool {
        if limits.is_small(bytes) {
            self.small + bytes <= limits.connection_small
        } else {
            self.large == 0 || self.large + bytes <= limits.connection_large
        }
    }

    /// Removes reservations whose callers have gone.
    fn forget_the_gone(&mut self) {
        for waiting in &mut self.waiting {
            waiting.retain(|one| !one.granted.is_closed());
        }
    }

    fn waits(&self) -> bool {
        self.waiting.iter().any(|waiting| !waiting.is_empty())
    }

    fn kind(&mut self, bytes: usize, limits: &MemoryLimits) -> &mut usize {
        if limits.is_small(bytes) { &mut self.small } else { &mut self.large }
    }
}

impl State {
    /// Takes the bytes for the account if both limits leave room for them.
    fn take(&mut self, id: u64, bytes: usize, limits: &MemoryLimits, now: Instant) -> bool {
        let Some(usage) = self.accounts.get_mut(&id) else { return false };
        let ceiling = match () {
            () if usage.is_offender(now) => share(OFFENDERS_SHARE, limits),
            () if limits.is_small(bytes) => limits.process,
            () => share(LARGE_SHARE, limits),
        };
        if !usage.has_room(bytes, limits) || self.held + bytes > ceiling {
            return false;
        }
        *usage.kind(bytes, limits) += bytes;
        self.held += bytes;
        true
    }

    /// Takes the bytes for the account, whatever the limits say.
    fn add(&mut self, id: u64, bytes: usize, limits: &MemoryLimits) {
        if let Some(usage) = self.accounts.get_mut(&id) {
            *usage.kind(bytes, limits) += bytes;
        }
        self.held += bytes;
    }

    fn give_back(&mut self, id: u64, bytes: usize, limits: &MemoryLimits) {
        if let Some(usage) = self.accounts.get_mut(&id) {
            *usage.kind(bytes, limits) -= bytes;
        }
        self.held -= bytes;
    }

    /// Grants waiting reservations, one for each connection in turn, offenders after all others.
    fn grant(&mut self, limits: &MemoryLimits) {
        let now = Instant::now();
        for offenders in [false, true] {
            for _ in 0..self.turns.len() {
                let Some(id) = self.turns.pop_front() else { return };
                if self.grant_next(id, offenders, limits, now) {
                    self.turns.push_back(id);
                }
            }
        }
    }

    /// Grants the account's next reservations if they fit; reports whether more wait.
    fn grant_next(&mut self, id: u64, offenders: bool, limits: &MemoryLimits, now: Instant) -> bool {
        let Some(usage) = self.accounts.get_mut(&id) else { return false };
        usage.forget_the_gone();
        if usage.is_offender(now) == offenders {
            for kind in [SMALL, LARGE] {
                self.grant_first(id, kind, limits, now);
            }
        }
        self.accounts.get(&id).is_some_and(Usage::waits)
    }

    /// Grants the first waiting reservation of a kind if it fits.
    fn grant_first(&mut self, id: u64, kind: usize, limits: &MemoryLimits, now: Instant) {
        let first = self.accounts.get(&id).and_then(|usage| usage.waiting[kind].front());
        let Some(bytes) = first.map(|waiting| waiting.bytes) else { return };
        if !self.take(id, bytes, limits, now) {
            return;
        }
        let waiting = self.accounts.get_mut(&id).and_then(|usage| usage.waiting[kind].pop_front());
        if waiting.is_none_or(|waiting| waiting.granted.send(()).is_err()) {
            // The caller has gone meanwhile.
            self.give_back(id, bytes, limits);
        }
    }
}

impl Account {
    /// Returns a reservation of the bytes as soon as there is room; `None` if too many of the connection wait already. A
    /// caller that goes meanwhile leaves the queue.
    ///
    /// It is never of more bytes than an offender may hold: so much finds room at some time.
    pub(crate) async fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Hold> {
        let bytes = bytes.min(share(OFFENDERS_SHARE, self.limits()));
        let granted = {
            let mut state = self.budget.state();
            let (limits, kind) = (self.limits(), if self.limits().is_small(bytes) { SMALL } else { LARGE });
            let usage = state.accounts.get_mut(&self.id)?;
            usage.forget_the_gone();
            let waiting = usage.waiting[kind].len();
            if waiting == 0 && state.take(self.id, bytes, limits, Instant::now()) {
                return Some(Hold::new(Arc::clone(self), bytes));
            }
            if waiting >= MAX_WAITING {
                return None;
            }
            let (granted, grant) = oneshot::channel();
            state.accounts.get_mut(&self.id)?.waiting[kind].push_back(Waiting { bytes, granted });
            if !state.turns.contains(&self.id) {
                state.turns.push_back(self.id);
            }
            grant
        };
        Some(Grant { account: self, bytes, granted }.wait().await)
    }

    /// Returns a reservation of the bytes if there is room for them now.
    pub(crate) fn try_reserve(self: &Arc<Self>, bytes: usize) -> Option<Hold> {
        let taken = self.budget.state().take(self.id, bytes, self.limits(), Instant::now());
        taken.then(|| Hold::new(Arc::clone(self), bytes))
    }

    /// Changes a reservation from one size to another; reports whether there was room. Shrinking always succeeds.
    pub(super) fn resize(&self, from: usize, to: usize) -> bool {
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
    pub(super) fn release(&self, bytes: usize) {
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

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.state().accounts.remove(&self.id);
    }
}

/// A reservation that waits for its turn.
struct Grant<'a> {
    account: &'a Arc<Account>,
    bytes: usize,
    granted: oneshot::Receiver<()>,
}

impl Grant<'_> {
    async fn wait(mut self) -> Hold {
        // The sender is lost with the account alone, which lives as long as this reservation.
        let _ = (&mut self.granted).await;
        Hold::new(Arc::clone(self.account), self.bytes)
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
