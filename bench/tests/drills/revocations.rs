//! Tokens are revoked while guards, the auth service and the connections between them fail.

use bench::Failure;
use bench::drill::revocation::{CheckedFault, RevocationFault, RevocationPlan, RevocationRig, report, run};
use bench::services::beside;
use testkit::postgres::server;
use tokio::task::JoinSet;

use super::turn::{holds, turn};

/// Number of trials: each fault once, with few revocations.
const TRIALS_PER_FAULT: usize = 4;

fn plan(faults: &[RevocationFault]) -> RevocationPlan {
    RevocationPlan { faults: faults.to_vec(), trials: TRIALS_PER_FAULT, sessions: 6, calls_per_second: 100, seed: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_admitted_2_s_after_a_revocation() -> Result<(), Failure> {
    let _turn = turn().await;
    let (program, replicated) = (beside()?, server().await);
    // In parallel, since each drill spends most of its time on the promise's two seconds.
    let mut drills: JoinSet<Result<Vec<CheckedFault>, Failure>> = JoinSet::new();
    for faults in RevocationFault::ALONE.chunks(3) {
        let program = program.clone();
        drills.spawn(async move { run(&mut RevocationRig::alone(&program).await?, &plan(faults), None).await });
    }
    if let Some(server) = replicated {
        drills.spawn(async move {
            run(&mut RevocationRig::replicated(&program, server).await?, &plan(&RevocationFault::REPLICATED), None)
                .await
        });
    }
    let mut checked = Vec::new();
    while let Some(drill) = drills.join_next().await {
        checked.extend(drill??);
    }
    holds(&report(&checked, TRIALS_PER_FAULT));
    for CheckedFault { fault, result, .. } in checked {
        assert!(result.revocations >= TRIALS_PER_FAULT && result.calls > 0 && result.late_calls > 0, "{fault:?}");
        assert!(result.strict_calls > 0, "{fault:?}");
    }
    Ok(())
}
