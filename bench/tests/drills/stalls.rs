//! Services are stopped under load, for a moment.

use std::time::Duration;

use bench::Failure;
use bench::drill::stall::{RetryBehavior, StallPlan, StallSubject, run};
use bench::services::beside;

use super::turn::{holds, turn};

#[tokio::test(flavor = "multi_thread")]
async fn stopped_services_serve_again_despite_retries() -> Result<(), Failure> {
    let _turn = turn().await;
    // Long enough for one average.
    let around = Duration::from_secs(4);
    let plan = StallPlan {
        subjects: vec![StallSubject::Auth, StallSubject::Blog],
        retries: vec![RetryBehavior::AtOnce],
        stall: Duration::from_secs(1),
        around,
        recovery: around,
        // The drill wants nine tenths. The test detects services that do not serve again.
        goodput: 0.05,
    };
    holds(&run(&beside()?, &plan).await?);
    Ok(())
}
