//! Tokens are revoked while network namespaces are cut off from each other.

use std::time::Duration;

use bench::Failure;
use bench::drill::partition::{PartitionFault, PartitionPlan, check_support, run};
use bench::drill::revocation::RevocationPlan;
use bench::services::beside;

use super::turn::{holds, turn};

/// The drill allows one second. This longer limit only detects a recovery that never happens.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn partitioned_guards_admit_no_revoked_token() -> Result<(), Failure> {
    let _turn = turn().await;
    if let Err(reason) = check_support() {
        println!("skipped: no network was partitioned, {reason}");
        return Ok(());
    }
    let faults =
        [PartitionFault::Cut, PartitionFault::AnswersLost, PartitionFault::Unplugged, PartitionFault::Database];
    let revocations = RevocationPlan { faults: faults.into(), trials: 3, sessions: 6, calls_per_second: 100, seed: 1 };
    let plan = PartitionPlan { revocations, recovery: RECOVERY_TIMEOUT, watch: Duration::ZERO };
    holds(&run(&beside()?, &plan).await?);
    Ok(())
}
