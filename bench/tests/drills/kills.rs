//! The pair is killed while it writes.

use bench::Failure;
use bench::drill::kill;
use bench::services::beside;

use super::turn::{holds, turn};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_kills() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&kill::run(&beside()?, 5, 1).await?);
    Ok(())
}
