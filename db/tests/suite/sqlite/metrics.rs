//! Metrics of the writer: its queue, and the writes that share a commit.

use super::locked;
use crate::metrics::page;
use crate::support::{Case, begun};

#[tokio::test]
async fn waiting_writes_and_their_commit_are_counted() {
    const WAITING: &str = r#"gatepost_database_waiting{pool="write"}"#;
    let case = Case::sqlite().await;
    case.add(100, "before").await.unwrap();
    let before = page(&case);
    let outsider = locked(&case).await;
    let texts = ["a", "b", "c", "d", "e"];
    let mut writes: Vec<_> = (1..).zip(texts).map(|(id, text)| Box::pin(case.add(id, text))).collect();
    for write in &mut writes {
        begun(write).await;
    }
    assert_eq!(page(&case).count(WAITING), 5);
    outsider.close().await;
    for write in writes {
        write.await.unwrap();
    }
    let after = page(&case);
    assert_eq!(after.count(WAITING), 0);
    let more = |series: &str| after.count(series) - before.count(series);
    assert_eq!(more("gatepost_database_commit_writes_count"), 1, "{}", after.0);
    assert_eq!(more(r#"gatepost_database_commit_writes_bucket{le="4.0"}"#), 0, "{}", after.0);
    assert_eq!(more(r#"gatepost_database_commit_writes_bucket{le="8.0"}"#), 1, "{}", after.0);
    assert_eq!(more("gatepost_database_commit_duration_seconds_count"), 1);
}
