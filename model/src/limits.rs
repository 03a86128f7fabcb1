//! The bounds of a world, and its wall clocks.

use std::time::Duration;

use crate::times::{BEGIN, TICK};

/// The bounds of a world. Streams, looks, questions and ticks have no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Guards.
    pub guards: usize,
    /// Replicas of the auth service.
    pub replicas: usize,
    /// Tokens, three at the most. All are good at the beginning.
    pub tokens: usize,
    /// About how many of them, the first ones, guards ask. The others only are revoked: what becomes of one token does not
    /// hang on who else is let in.
    pub watched: usize,
    /// Revocations, those that are lost included.
    pub revocations: u8,
    /// The most losses of the database's last rows.
    pub forks: u8,
    /// The most new starts of all replicas together.
    pub restarts: u8,
    /// The most renewals that may be under way to a guard.
    pub renewals: usize,
    /// Rows of the log that a guard holds.
    pub rows: usize,
    /// The behaviour of wall clocks, and of pruning with them.
    pub clocks: Clocks,
    /// Tries from every moment how soon an outage ends.
    pub recovery: bool,
}

/// What the wall clocks of the replicas show: by them rows are stamped and pruned, and tokens expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// Nothing is pruned, and no token expires.
    Unused,
    /// They differ by an hour at most, which is the margin. Tokens live for so many hours, of which each tick is one.
    Near {
        /// The length.
        life: u32,
    },
    /// The one that prunes is ahead by any time: everything is pruned too early.
    FarAhead,
}

impl Clocks {
    /// Returns when the model's tokens expire.
    pub(crate) fn expire_time(self) -> Option<Duration> {
        let Self::Near { life } = self else { return None };
        Some(BEGIN + TICK * life)
    }
}

impl Limits {
    /// The least in which a token can be revoked, and in which most faults show.
    pub const LEAST: Self = Self {
        guards: 1,
        replicas: 1,
        tokens: 1,
        watched: 1,
        revocations: 1,
        forks: 0,
        restarts: 0,
        renewals: 1,
        rows: 8,
        clocks: Clocks::Unused,
        recovery: false,
    };
}
