//! The pair loses its power while it writes.

use bench::Failure;
use bench::drill::power;
use bench::services::beside;

use super::turn::{holds, turn};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_losses_of_power() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&power::run(&beside()?, 5, 1).await?);
    Ok(())
}
