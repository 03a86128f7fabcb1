//! The pair is killed while it writes.

use bench::Failure;
use bench::drill::kill;
use bench::services::beside;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_kills() -> Result<(), Failure> {
    let report = kill::run(&beside()?, 5, 1).await?;
    assert!(report.broken.is_empty(), "{:#?}\n{}", report.broken, report.lines.join("\n"));
    Ok(())
}
