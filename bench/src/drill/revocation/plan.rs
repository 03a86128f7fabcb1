//! The plan of a drill.

use super::Fault;

/// The work of a drill.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The faults, one after the other.
    pub faults: Vec<Fault>,
    /// How many trials each has, at least.
    pub trials: usize,
    /// How many sessions are revoked in a round.
    pub sessions: usize,
    /// How many calls all guards together get while nothing is revoked.
    pub calls_per_second: u32,
    /// What chance decides comes from it.
    pub seed: u64,
}
