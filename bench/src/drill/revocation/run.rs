//! The whole drill: each fault, in as many rounds as it needs.

use super::round::round;
use super::{Fault, Judgement, Rig};
use crate::Failure;
use crate::drill::Random;

/// The plan of a drill.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The faults, in order.
    pub faults: Vec<Fault>,
    /// The least number of trials of each fault.
    pub trials: usize,
    /// Sessions that are revoked in a round.
    pub sessions: usize,
    /// Calls of all guards together while no token is revoked.
    pub calls_per_second: u32,
    /// The seed of random choices.
    pub seed: u64,
}

/// Factor between the greatest number of rounds and the number needed if every revocation is acknowledged.
const MAX_ROUNDS_FACTOR: usize = 10;

/// Runs the plan, and returns the results of each fault.
///
/// # Errors
/// Fails if the drill itself cannot continue, such as when a guard does not recover from a fault.
pub async fn run(rig: &mut Rig, plan: &Plan) -> Result<Vec<(Fault, Judgement)>, Failure> {
    let (mut random, mut all, mut sessions) = (Random::new(plan.seed), Vec::new(), 0);
    for fault in &plan.faults {
        let mut sum = Judgement::default();
        for _ in 0..MAX_ROUNDS_FACTOR * plan.trials.div_ceil(plan.sessions) {
            sum.add(round(rig, *fault, plan, sessions, &mut random).await.map_err(|error| said(*fault, &error))?);
            sessions += plan.sessions;
            if sum.trials >= plan.trials {
                break;
            }
        }
        all.push((*fault, sum));
    }
    Ok(all)
}

fn said(fault: Fault, error: &Failure) -> Failure {
    format!("{}: {error}", fault.name()).into()
}
