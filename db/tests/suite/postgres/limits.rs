//! Long statements and abandoned work: the server ends both, and the pool continues to work.

use db::{StoreError, TransactionOutcome, read, transaction, within, write};
use sqlx::error::DatabaseError;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::mpsc;

use crate::support::{ADD, Case};

#[tokio::test]
async fn server_ends_a_long_statement() {
    const WRITE: &str = "insert into notes select 1, 'a' from pg_sleep(30)";
    const READ: &str = "select 1 from pg_sleep(30)";
    let Some(case) = Case::postgres().await else { return };
    assert_code(&write!(case.db, sqlx::query(WRITE)), "57014");
    let read: Result<Vec<i32>, StoreError> = read!(case.db, |reader| sqlx::query_scalar(READ).fetch_all(reader));
    assert_code(&read, "57014");
    case.add(2, "b").await.unwrap();
    assert_eq!(case.notes().await, [2], "the pools still work");
}

#[tokio::test]
async fn server_ends_a_long_lock_wait() {
    const SELECT: &str = "select id from notes";
    let Some(case) = Case::postgres().await else { return };
    let mut other = case.database.server().connect().await;
    other.execute("begin; lock table notes in access exclusive mode").await.unwrap();
    assert_code(&case.add(1, "a").await, "55P03");
    let read: Result<Vec<i32>, StoreError> = read!(case.db, |reader| sqlx::query_scalar(SELECT).fetch_all(reader));
    assert_code(&read, "55P03");
    other.close().await.unwrap();
    case.add(2, "b").await.unwrap();
    assert_eq!(case.notes().await, [2], "the pools still work");
}

/// Asserts that the database was unavailable, with this code of its server.
fn assert_code<T>(ended: &Result<T, StoreError>, code: &str) {
    let Err(StoreError::Unavailable(cause)) = ended else { panic!("{:?}", ended.as_ref().err()) };
    assert_eq!(cause.as_database_error().and_then(DatabaseError::code).as_deref(), Some(code), "{cause}");
}

#[tokio::test]
async fn abandoned_transaction_releases_its_locks_at_once() {
    const PROCESS: &str = "select pg_backend_pid()";
    let Some(case) = Case::postgres().await else { return };
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let endless = async {
        transaction!(case.db, async move |mut tx| {
            let process: i32 = within!(tx, |connection| sqlx::query_scalar(PROCESS).fetch_one(connection))?;
            within!(tx, sqlx::query(ADD).bind(1).bind("a"))?;
            sender.send(process).unwrap();
            std::future::pending::<()>().await;
            Ok(TransactionOutcome::Commit(()))
        })
    };
    let process = tokio::select! {
        _ = endless => panic!("the transaction never ends by itself"),
        process = receiver.recv() => process.unwrap(),
    };
    // Dropping the future cancels the caller's transaction. Another transaction gets the row before the server's own
    // limit would end the canceled one.
    let mut other = case.database.server().connect().await;
    other.execute("set lock_timeout = '400ms'").await.unwrap();
    sqlx::query(ADD).bind(1).bind("b").execute(&mut other).await.unwrap();
    let next = transaction!(case.db, async move |mut tx| {
        within!(tx, |connection| sqlx::query_scalar(PROCESS).fetch_one(connection)).map(TransactionOutcome::Commit)
    });
    let next: i32 = next.unwrap();
    assert_ne!(next, process);
}
