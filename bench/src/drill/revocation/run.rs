//! The whole drill: each fault, in as many rounds as it needs.

use super::round::round;
use super::{CheckResult, CheckedFault, FaultTarget, NamedFault, RevocationPlan};
use crate::Failure;
use crate::drill::Random;

/// Ratio of the largest number of rounds to the number that is enough if every revocation is acknowledged.
const MAX_ROUNDS_FACTOR: usize = 10;

/// Runs the plan, and returns the results of each fault.
///
/// # Errors
/// Fails if the drill itself cannot continue, such as when a guard does not recover from a fault.
pub(in crate::drill) async fn run<T: FaultTarget>(
    target: &mut T,
    plan: &RevocationPlan<T::Fault>,
) -> Result<Vec<CheckedFault<T::Fault>>, Failure> {
    let (mut random, mut all, mut sessions) = (Random::new(plan.seed), Vec::new(), 0);
    for fault in &plan.faults {
        let mut sum = CheckResult::default();
        for _ in 0..MAX_ROUNDS_FACTOR * plan.trials.div_ceil(plan.sessions) {
            sum.add(
                round(target, *fault, plan, sessions, &mut random)
                    .await
                    .map_err(|error| with_fault_name(*fault, &error))?,
            );
            sessions += plan.sessions;
            if sum.trials >= plan.trials {
                break;
            }
        }
        all.push(CheckedFault { fault: *fault, result: sum });
    }
    Ok(all)
}

fn with_fault_name(fault: impl NamedFault, error: &Failure) -> Failure {
    format!("{}: {error}", fault.name()).into()
}
