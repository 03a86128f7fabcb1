//! The whole drill: fault by fault, as many rounds as it takes.

use super::round::round;
use super::{Fault, Judgement, Plan, Rig};
use crate::Failure;
use crate::drill::Random;

/// How many rounds there may be for each that would do if every revocation were acknowledged.
const PATIENCE: usize = 10;

/// Runs the plan: what came of each fault.
///
/// # Errors
/// When the drill itself cannot go on, such as when a guard does not come back after a fault.
pub async fn run(rig: &mut Rig, plan: &Plan) -> Result<Vec<(Fault, Judgement)>, Failure> {
    let (mut random, mut all, mut sessions) = (Random::new(plan.seed), Vec::new(), 0);
    for fault in &plan.faults {
        let mut sum = Judgement::default();
        for _ in 0..PATIENCE * plan.trials.div_ceil(plan.sessions) {
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
