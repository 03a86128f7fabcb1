//! Queue of writes: abandoned writes are skipped, late writes are refused, and a close still runs the waiting writes.

use std::time::Duration;

use db::{StoreError, TransactionOutcome};

use super::locked;
use crate::support::{Case, add_all, begun};

#[tokio::test]
async fn abandoned_write_is_not_run() {
    let case = Case::sqlite().await;
    let outsider = locked(&case).await;
    let (mut first, mut gone) = (Box::pin(case.add(1, "a")), Box::pin(case.add(2, "b")));
    let mut all_gone = Box::pin(add_all(case.db.clone(), &[(3, "c"), (4, "d")], TransactionOutcome::Commit));
    let mut last = Box::pin(case.add(5, "e"));
    begun(&mut first).await;
    begun(&mut gone).await;
    begun(&mut all_gone).await;
    begun(&mut last).await;
    drop((gone, all_gone));
    outsider.close().await;
    assert_eq!((first.await.unwrap(), last.await.unwrap()), (1, 1));
    assert_eq!(case.notes().await, [1, 5]);
}

#[tokio::test]
async fn late_write_is_refused() {
    let case = Case::sqlite().await;
    let mut late = Box::pin(case.add(1, "a"));
    begun(&mut late).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3)).await;
    tokio::time::resume();
    let late = late.await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert!(case.notes().await.is_empty());
    case.add(1, "a").await.unwrap();
}

#[tokio::test]
async fn close_commits_waiting_writes() {
    let case = Case::sqlite().await;
    let outsider = locked(&case).await;
    let db = case.db.clone();
    let (mut first, mut second) = (Box::pin(case.add(1, "a")), Box::pin(case.add(2, "b")));
    let mut close = Box::pin(async move { db.close().await });
    begun(&mut first).await;
    begun(&mut second).await;
    begun(&mut close).await;
    outsider.close().await;
    close.await;
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (1, 1));
    assert_eq!(case.reopened().await.notes().await, [1, 2]);
}

#[tokio::test]
async fn closed_database_is_one_file() {
    let case = Case::sqlite().await;
    case.add(1, "a").await.unwrap();
    assert_eq!(case.notes().await, [1]);
    let log = db::beside(case.database.path(), "-wal");
    assert!(log.exists(), "a reader has it open");
    case.db.close().await;
    assert!(!log.exists());
}
