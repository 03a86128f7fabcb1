//! Reads that their callers abandon, and polls.

use std::iter::repeat_with;

use db::{SqlStatement, StoreError, read};
use futures_util::future::join_all;

use crate::support::{Case, begun};

const LONG: &str = "with recursive numbers(number) as (select 1 union all select number + 1 from numbers \
     where number < 100000) select count(*) from numbers";

#[tokio::test]
async fn abandoned_reads_leave_room_for_others() {
    let case = Case::sqlite().await;
    // More reads than there are places.
    for _ in 0..8 {
        let db = case.db.clone();
        let mut abandoned =
            Box::pin(async move { read!(db, |reader| sqlx::query_scalar::<_, i64>(LONG).fetch_one(reader)) });
        begun(&mut abandoned).await;
        let db = case.db.clone();
        let mut abandoned = Box::pin(async move { db.select::<(i64,)>(SqlStatement::new(LONG)).await });
        begun(&mut abandoned).await;
    }
    let counts = join_all(
        repeat_with(|| async {
            let selected = case.db.select::<(i64,)>(SqlStatement::new(LONG)).await?;
            let read: i64 = read!(case.db, |reader| sqlx::query_scalar(LONG).fetch_one(reader))?;
            Ok::<_, StoreError>((selected, read))
        })
        .take(2),
    )
    .await;
    for count in counts {
        assert_eq!(count.unwrap(), (vec![(100_000,)], 100_000));
    }
    case.db.close().await;
}

const SHORT: &str = "with recursive numbers(number) as (select 1 union all select number + 1 from numbers \
     where number < 1000) select count(*) from numbers";

#[tokio::test]
async fn poll_waits_for_an_abandoned_one() {
    let case = Case::sqlite().await;
    let mut watcher = case.db.watcher();
    {
        let mut abandoned = Box::pin(watcher.select::<(i64,)>(SqlStatement::new(SHORT)));
        begun(&mut abandoned).await;
    }
    let failed = watcher.select::<(i64,)>(SqlStatement::new("select number from absent")).await;
    assert!(matches!(failed, Err(StoreError::Fault(_))), "{failed:?}");
    case.add(1, "one").await.unwrap();
    let count = watcher.select::<(i64,)>(SqlStatement::new("select count(*) from notes")).await;
    assert_eq!(count.unwrap(), [(1,)]);
    watcher.close().await;
    case.db.close().await;
}

#[tokio::test]
async fn abandoned_poll_leaves_no_log_beside_the_file() {
    let case = Case::sqlite().await;
    case.add(1, "one").await.unwrap();
    let mut watcher = case.db.watcher();
    {
        let mut abandoned = Box::pin(watcher.select::<(i64,)>(SqlStatement::new(SHORT)));
        begun(&mut abandoned).await;
    }
    watcher.close().await;
    case.db.close().await;
    assert!(!db::beside(case.database.path(), "-wal").exists());
}
