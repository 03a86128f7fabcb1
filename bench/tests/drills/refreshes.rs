//! A session is refreshed while answers get lost and the pair is killed.

use bench::Failure;
use bench::drill::refresh;
use bench::services::beside;

use super::turn::{holds, turn};

#[tokio::test(flavor = "multi_thread")]
async fn session_survives_lost_answers_and_kills() -> Result<(), Failure> {
    let _turn = turn().await;
    holds(&refresh::run(&beside()?, 210, 1).await?);
    Ok(())
}
