//! Each fault of the database once.

use std::time::Duration;

use bench::Failure;
use bench::drill::disk;
use bench::drill::postgres::{Drill, Fault, Plan};
use bench::services::beside;
use testkit::postgres::server;

use super::turn::{holds, turn};

/// The drills allow one second. This longer limit only detects that there is no recovery at all.
const BOUND: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn postgres_recovers_from_every_fault() -> Result<(), Failure> {
    let _turn = turn().await;
    let Some(server) = server().await else { return Ok(()) };
    let plan = Plan { faults: Fault::ALL.to_vec(), seed: 1, bound: BOUND };
    holds(&Drill::start(&beside()?, server, plan.seed).await?.run(&plan).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_recovers_from_every_fault() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&disk::run(&beside()?, &disk::Fault::ALL, 1, BOUND).await?);
    Ok(())
}
