//! Prepared statements that are gone from the server's session (26000), as after `DISCARD ALL` by a pooler or a command.

use std::sync::Arc;

use db::{Db, SqlStatement, StoreError, TransactionOutcome, read, transaction, within, write, write_one};
use tokio::sync::Barrier;

use crate::support::Case;

const FORGET: &str = "deallocate all";
const IDS: &str = "select id from notes cross join pg_sleep($1) order by id";
const CALL_FORGET: &str = "select forget() from pg_sleep($1)";
const FUNCTION: &str = "create function forget() returns int language plpgsql as $$ begin
        execute 'deallocate all';
        return 1;
    end $$";
const SET: &str = "update notes set text = $2 where id = $1";
const RENAME: &str = "update notes set text = $2 where id = $1 returning id";

/// Number of connections of each pool.
const CONNECTIONS: usize = 8;

/// Prepares a write on all connections at once, and discards its preparation if `forgets`.
async fn write_on_all(db: &Db, forgets: bool) {
    let barrier = Arc::new(Barrier::new(CONNECTIONS));
    let each = (0..CONNECTIONS).map(|_| {
        let barrier = Arc::clone(&barrier);
        async move {
            let work = transaction!(db, async move |mut tx| {
                within!(tx, sqlx::query(SET).bind(-1).bind("no row"))?;
                let renamed: Option<(i32,)> = within!(tx, |connection| sqlx::query_as(RENAME)
                    .bind(-1)
                    .bind("no row")
                    .fetch_optional(connection))?;
                assert_eq!(renamed, None);
                barrier.wait().await;
                if forgets {
                    within!(tx, sqlx::query(FORGET))?;
                }
                Ok(TransactionOutcome::Commit(()))
            });
            work.unwrap();
        }
    });
    futures_util::future::join_all(each).await;
}

/// Reads on all connections at once: each read keeps its connection for a while.
async fn read_on_all(db: &Db, sql: &'static str) {
    let read = async || {
        let read: Result<Vec<i32>, StoreError> =
            read!(db, |reader| sqlx::query_scalar(sql).bind(0.2).fetch_all(reader));
        read.unwrap();
    };
    futures_util::future::join_all((0..CONNECTIONS).map(|_| read())).await;
}

#[tokio::test]
async fn writes_go_on_after_their_statements_are_gone() {
    let Some(case) = Case::postgres().await else { return };
    case.add(1, "one").await.unwrap();
    for id in 2..5 {
        write_on_all(&case.db, true).await;
        case.add(id, &format!("note {id}")).await.unwrap();
        write_on_all(&case.db, true).await;
        let renamed: Option<(i32,)> = write_one!(case.db, sqlx::query_as(RENAME).bind(1).bind("again")).unwrap();
        assert_eq!(renamed, Some((1,)));
        write_on_all(&case.db, true).await;
        let text = format!("run {id}");
        assert_eq!(write!(case.db, sqlx::query(SET).bind(1).bind(text.clone())).unwrap(), 1);
        write_on_all(&case.db, true).await;
        write_on_all(&case.db, false).await;
    }
}

#[tokio::test]
async fn reads_go_on_after_their_statements_are_gone() {
    let Some(case) = Case::postgres().await else { return };
    case.add(1, "one").await.unwrap();
    case.database.server().run(FUNCTION).await;
    for _ in 0..3 {
        read_on_all(&case.db, IDS).await;
        read_on_all(&case.db, CALL_FORGET).await;
        let ids: Result<Vec<i32>, StoreError> =
            read!(case.db, |reader| sqlx::query_scalar(IDS).bind(0.0).fetch_all(reader));
        assert_eq!(ids.unwrap(), [1]);
    }
}

#[tokio::test]
async fn poll_goes_on_after_its_statement_is_gone() {
    let Some(case) = Case::postgres().await else { return };
    case.add(1, "one").await.unwrap();
    case.database.server().run(FUNCTION).await;
    let mut watcher = case.db.watcher();
    let [ids, forget] = ["select cast(id as bigint) from notes order by id", "select cast(forget() as bigint)"];
    let mut poll = async |sql: &'static str| watcher.select::<(i64,)>(SqlStatement::new(sql)).await;
    assert_eq!((poll(ids).await.unwrap(), poll(forget).await.unwrap()), (vec![(1,)], vec![(1,)]));
    // A poll is not repeated: the follower polls again by itself, within 200 ms.
    assert!(matches!(poll(ids).await, Err(StoreError::Unavailable(_))));
    assert_eq!(poll(ids).await.unwrap(), [(1,)]);
}
