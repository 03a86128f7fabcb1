//! The bounds of a world, and its wall clocks.

use std::time::Duration;

use crate::times::{START_TIME, TICK_LENGTH};

/// The bounds of a world. Streams, polls, requests and ticks have no limit.
#[derive(Clone, Copy, Debug)]
pub struct ModelLimits {
    /// Number of guards.
    pub guards: usize,
    /// Number of replicas of the auth service.
    pub replicas: usize,
    /// Number of tokens, at most three. All tokens are good at the start.
    pub tokens: usize,
    /// Number of tokens that guards request introspections of, counted from the first. The other tokens are only
    /// revoked: the result for one token does not depend on calls with other tokens.
    pub watched: usize,
    /// Number of revocations, including lost ones.
    pub revocations: u8,
    /// Largest number of losses of the database's last rows.
    pub forks: u8,
    /// Largest number of restarts of all replicas together.
    pub restarts: u8,
    /// Largest number of renewals under way to a guard.
    pub renewals: usize,
    /// Number of rows of the log that a guard holds.
    pub rows: usize,
    /// The behavior of wall clocks, and pruning by them.
    pub clocks: Clocks,
    /// Checks the time to the end of an outage from every state, if set.
    pub recovery: bool,
}

/// The wall clocks of the replicas. They stamp rows, and decide when rows are pruned and tokens expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// No row is pruned, and no token expires.
    Unused,
    /// Clocks differ by an hour at most, which is the margin. Each tick is an hour.
    Near {
        /// Lifetime of tokens, in hours.
        life: u32,
    },
    /// The pruning clock is ahead by an arbitrary time, so every row can be pruned too early.
    FarAhead,
}

impl Clocks {
    /// Returns the expiry time of the model's tokens.
    pub(crate) fn expire_time(self) -> Option<Duration> {
        let Self::Near { life } = self else { return None };
        Some(START_TIME + TICK_LENGTH * life)
    }
}

impl ModelLimits {
    /// The smallest world in which a token can be revoked, and in which most faults have an effect.
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
