//! State of a budget: the bytes of each connection, the waiting reservations, and their order.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// Share of the process's bytes for all large reservations, so that small ones always find room.
const LARGE_SHARE: (usize, usize) = (1, 2);

/// Share of the process's bytes up to which an offender gets room.
pub(super) const OFFENDERS_SHARE: (usize, usize) = (1, 4);

/// Indexes of the two kinds of waiting reservations.
pub(super) const SMALL: usize = 0;
pub(super) const LARGE: usize = 1;

/// Time for which an offence counts.
const OFFENCE_LIFE: Duration = Duration::from_mins(1);

/// Limits of the bytes that may be held at once.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimits {
    /// Bytes for the process.
    pub process: usize,
    /// Size in bytes up to which a reservation is small.
    pub small: usize,
    /// Bytes of small reservations for each connection.
    pub connection_small: usize,
    /// Bytes of large reservations for each connection. One large reservation of any size is always possible.
    pub connection_large: usize,
}

#[derive(Debug, Default)]
pub(super) struct BudgetState {
    pub(super) held: usize,
    pub(super) accounts: HashMap<u64, Usage>,
    /// Accounts with waiting reservations; the first one has the next turn.
    pub(super) turns: VecDeque<u64>,
}

/// Bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) small: usize,
    pub(super) large: usize,
    /// Waiting reservations by kind; small ones may overtake large ones.
    pub(super) waiting: [VecDeque<WaitingReservation>; 2],
    pub(super) offences: u32,
    pub(super) offended: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct WaitingReservation {
    pub(super) bytes: usize,
    pub(super) granted: oneshot::Sender<()>,
}

/// Returns this share of the process's bytes.
pub(super) fn share((part, whole): (usize, usize), limits: &MemoryLimits) -> usize {
    limits.process / whole * part
}

impl MemoryLimits {
    pub(super) fn is_small(&self, bytes: usize) -> bool {
        bytes <= self.small
    }
}

impl Usage {
    pub(super) fn is_offender(&self, now: Instant) -> bool {
        self.offended.is_some_and(|time| now.duration_since(time) < OFFENCE_LIFE)
    }

    /// Returns true if the connection's own limit leaves room for the bytes.
    pub(super) fn has_room(&self, bytes: usize, limits: &MemoryLimits) -> bool {
        if limits.is_small(bytes) {
            self.small + bytes <= limits.connection_small
        } else {
            self.large == 0 || self.large + bytes <= limits.connection_large
        }
    }

    /// Removes reservations of cancelled callers.
    pub(super) fn forget_the_gone(&mut self) {
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

impl BudgetState {
    /// Takes the bytes for the account if both limits leave room. Returns false otherwise.
    pub(super) fn take(&mut self, id: u64, bytes: usize, limits: &MemoryLimits, now: Instant) -> bool {
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

    /// Takes the bytes for the account beyond all limits.
    pub(super) fn add(&mut self, id: u64, bytes: usize, limits: &MemoryLimits) {
        if let Some(usage) = self.accounts.get_mut(&id) {
            *usage.kind(bytes, limits) += bytes;
        }
        self.held += bytes;
    }

    pub(super) fn give_back(&mut self, id: u64, bytes: usize, limits: &MemoryLimits) {
        if let Some(usage) = self.accounts.get_mut(&id) {
            *usage.kind(bytes, limits) -= bytes;
        }
        self.held -= bytes;
    }

    /// Grants waiting reservations, one for each connection in turn, and offenders last.
    pub(super) fn grant(&mut self, limits: &MemoryLimits) {
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

    /// Grants the account's next reservations if they fit. Returns true if more wait.
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
            // The caller has gone.
            self.give_back(id, bytes, limits);
        }
    }
}
