//! The pair is backed up while it writes.

use bench::Failure;
use bench::drill::backup;
use bench::services::beside;

use super::turn::{holds, turn};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_backup_is_in_it() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&backup::run(&beside()?, 3, 1).await?);
    Ok(())
}
