//! The whole drill: each fault, in as many rounds as it needs.

use tokio::time::Instant;

use super::round::{RevocationRound, round, sessions};
use super::{CheckResult, CheckedFault, FaultTarget, HistoryFile, NamedFault, RevocationPlan, RevocationRig};
use crate::Failure;
use crate::drill::{OutageMeter, Random};

/// Ratio of the largest number of rounds to the number that is enough if every revocation is acknowledged.
const MAX_ROUNDS_FACTOR: usize = 10;

/// Runs the plan, and returns the results of each fault. Adds all observations to the file, if there is one.
///
/// # Errors
/// Fails if the drill itself cannot continue, such as when a guard does not recover from a fault.
pub(in crate::drill) async fn run_faults<T: FaultTarget>(
    target: &mut T,
    plan: &RevocationPlan<T::Fault>,
    mut file: Option<&mut HistoryFile>,
) -> Result<Vec<CheckedFault<T::Fault>>, Failure> {
    let (mut random, mut all, mut first, origin) = (Random::new(plan.seed), Vec::new(), 0, Instant::now());
    for fault in &plan.faults {
        let (mut sum, mut outages) = (CheckResult::default(), OutageMeter::default());
        for _ in 0..MAX_ROUNDS_FACTOR * plan.trials.div_ceil(plan.sessions) {
            let RevocationRound { history, outages: found } = round(target, *fault, plan, first, origin, &mut random)
                .await
                .map_err(|error| with_fault_name(*fault, &error))?;
            outages.add(found);
            let entries = history.entries();
            sum.add(entries.check(target.guards()));
            if let Some(file) = &mut file {
                file.add(&entries)?;
            }
            first += sessions(plan);
            if sum.trials >= plan.trials {
                break;
            }
        }
        all.push(CheckedFault { fault: *fault, result: sum, outage: outages.worst() });
    }
    Ok(all)
}

/// Runs the plan on these services, writes all observations into the file, and returns the results of each fault.
///
/// # Errors
/// Fails if the drill itself cannot continue, such as when a guard does not recover from a fault.
pub async fn run(
    rig: &mut RevocationRig,
    plan: &RevocationPlan,
    file: Option<&mut HistoryFile>,
) -> Result<Vec<CheckedFault>, Failure> {
    run_faults(rig, plan, file).await
}

fn with_fault_name(fault: impl NamedFault, error: &Failure) -> Failure {
    format!("{}: {error}", fault.name()).into()
}
