//! The pair is backed up while it writes.

use bench::Failure;
use bench::drill::backup;
use bench::services::beside;

use super::turn::{holds, turn};

#[tokio::test(flavor = "multi_thread")]
async fn backup_contains_writes_acknowledged_before() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&backup::run(&beside()?, 3, 1).await?);
    Ok(())
}
