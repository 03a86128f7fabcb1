//! Guesses and two tabs, in short form.

use std::time::Duration;

use bench::Failure;
use bench::drill::field::{guessing, two_tabs};
use bench::services::beside;

use super::turn::turn;

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_stay_logged_in() -> Result<(), Failure> {
    let _turn = turn().await;
    let lines = two_tabs::run(&beside()?, 50).await?;
    assert_eq!(
        lines,
        [
            "rounds of two tabs that the session survives: 50 of 50",
            "rounds with two successors: 0",
            "an old token is found and ends the session: true",
        ]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn good_logins_succeed_under_guesses() -> Result<(), Failure> {
    let _turn = turn().await;
    let lines = guessing::run(&beside()?, Duration::from_secs(2)).await?;
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(!lines[3].contains(" 0 of "), "{lines:?}");
    Ok(())
}
