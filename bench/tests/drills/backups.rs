//! The pair is backed up while it writes.

use bench::Failure;
use bench::drill::backup;
use bench::services::beside;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_backup_is_in_it() -> Result<(), Failure> {
    let report = backup::run(&beside()?, 3, 1).await?;
    assert!(report.broken.is_empty(), "{:#?}\n{}", report.broken, report.lines.join("\n"));
    Ok(())
}
