//! The plan of a drill.

use super::RevocationFault;

/// The plan of a drill with faults of this type.
#[derive(Clone, Debug)]
pub struct RevocationPlan<F = RevocationFault> {
    /// The faults, in order.
    pub faults: Vec<F>,
    /// The minimum number of trials of each fault.
    pub trials: usize,
    /// Sessions that are revoked in a round.
    pub sessions: usize,
    /// Calls a second of all guards together while no token is revoked.
    pub calls_per_second: u32,
    /// The seed of random choices.
    pub seed: u64,
}
