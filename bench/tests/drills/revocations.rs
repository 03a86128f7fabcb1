//! Tokens are revoked while guards, the auth service and the connections between them fail.

use bench::Failure;
use bench::drill::revocation::{Fault, Judgement, Plan, Rig, report, run};
use bench::services::beside;
use testkit::postgres::server;
use tokio::task::JoinSet;

use super::turn::{holds, turn};

/// Number of trials: each fault once, with few revocations.
const TRIALS: usize = 4;

fn plan(faults: &[Fault]) -> Plan {
    Plan { faults: faults.to_vec(), trials: TRIALS, sessions: 6, calls_per_second: 100, seed: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_admitted_2_s_after_a_revocation() -> Result<(), Failure> {
    let _turn = turn().await;
    let (program, replicated) = (beside()?, server().await);
    // In parallel, since each drill spends most of its time on the promise's two seconds.
    let mut drills: JoinSet<Result<Vec<(Fault, Judgement)>, Failure>> = JoinSet::new();
    for faults in Fault::ALONE.chunks(3) {
        let program = program.clone();
        drills.spawn(async move { run(&mut Rig::alone(&program).await?, &plan(faults)).await });
    }
    if let Some(server) = replicated {
        drills
            .spawn(async move { run(&mut Rig::replicated(&program, server).await?, &plan(&Fault::REPLICATED)).await });
    }
    let mut judged = Vec::new();
    while let Some(drill) = drills.join_next().await {
        judged.extend(drill??);
    }
    holds(&report(&judged, TRIALS));
    for (fault, judgement) in judged {
        assert!(judgement.revocations >= TRIALS && judgement.calls > 0 && judgement.late_calls > 0, "{fault:?}");
    }
    Ok(())
}
