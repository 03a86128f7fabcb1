//! Each fault of the database once.

use std::time::Duration;

use bench::Failure;
use bench::drill::disk;
use bench::drill::postgres::{PostgresDrill, PostgresFault, PostgresPlan};
use bench::services::beside;
use testkit::postgres::server;

use super::turn::{holds, turn};

/// The drills allow one second. This longer limit only detects a recovery that never happens.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn postgres_recovers_from_every_fault() -> Result<(), Failure> {
    let _turn = turn().await;
    let Some(server) = server().await else { return Ok(()) };
    let plan = PostgresPlan { faults: PostgresFault::ALL.to_vec(), seed: 1, bound: RECOVERY_TIMEOUT };
    holds(&PostgresDrill::start(&beside()?, server, plan.seed).await?.run(&plan).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_recovers_from_every_fault() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&disk::run(&beside()?, &disk::DiskFault::ALL, 1, RECOVERY_TIMEOUT).await?);
    Ok(())
}
