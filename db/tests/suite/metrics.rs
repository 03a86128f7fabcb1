//! Metrics of a database: its connections, the waits for them, and the times of its work.

use db::TransactionOutcome;
use kit::ops::Metrics;
use testkit::{MetricsText, on_both_engines};

use crate::support::{Case, Notes, add_all};

/// Returns the page of a database.
pub(crate) fn page(notes: &Notes) -> MetricsText {
    let mut metrics = Metrics::default();
    metrics.add(notes.db.clone());
    MetricsText(metrics.text())
}

async fn work_is_counted_by_its_kind(case: Case) {
    let done = |page: &MetricsText, work: &str| {
        page.count(&format!(r#"gatepost_database_work_duration_seconds_count{{work="{work}"}}"#))
    };
    let failed = |page: &MetricsText, work: &str| {
        page.count(&format!(r#"gatepost_database_work_failed_total{{work="{work}"}}"#))
    };
    let before = page(&case);
    case.add(1, "a").await.unwrap();
    case.add(1, "b").await.unwrap_err();
    add_all(case.db.clone(), &[(2, "c"), (3, "d")], TransactionOutcome::Commit).await.unwrap();
    case.notes().await;
    let after = page(&case);
    let more = |work| done(&after, work) - done(&before, work);
    assert_eq!((more("read"), more("write"), more("transaction")), (1, 2, 1));
    assert_eq!((failed(&after, "read"), failed(&after, "write"), failed(&after, "transaction")), (0, 1, 0));
    let waits = r#"gatepost_database_wait_seconds_count{pool="write"}"#;
    assert_eq!(after.count(waits) - before.count(waits), 3);
    let connections =
        |state: &str| after.count(&format!(r#"gatepost_database_connections{{pool="read",state="{state}"}}"#));
    assert!((1..=8).contains(&(connections("idle") + connections("used") + connections("other"))), "{}", after.0);
    let limit = after.count(r#"gatepost_database_connections_limit{pool="read"}"#);
    assert!([4, 8].contains(&limit), "{limit}");
}

on_both_engines!(crate::support::Case: work_is_counted_by_its_kind);
