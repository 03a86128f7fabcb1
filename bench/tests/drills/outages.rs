//! Each fault of the database once.

use std::time::Duration;

use bench::Failure;
use bench::drill::disk;
use bench::drill::postgres::{Drill, Fault, Plan};
use bench::services::beside;
use testkit::postgres::server;

use super::turn::{holds, turn};

/// The drills' own bound is a second; here it only tells a way back from none.
const BOUND: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn postgres_goes_away_in_every_way_and_comes_back() -> Result<(), Failure> {
    let _turn = turn().await;
    let Some(server) = server().await else { return Ok(()) };
    let plan = Plan { faults: Fault::ALL.to_vec(), seed: 1, bound: BOUND };
    holds(&Drill::start(&beside()?, server, plan.seed).await?.run(&plan).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_fails_in_every_way_and_comes_back() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&disk::run(&beside()?, &disk::Fault::ALL, 1, BOUND).await?);
    Ok(())
}
