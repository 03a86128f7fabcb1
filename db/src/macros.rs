//! Macros that let a store write a statement once for both engines.

/// Runs the driver's future on a connection that only reads.
///
/// `read!(db, |reader| sqlx::query_as(SQL).bind(id).fetch_optional(reader))` is a `Result<_, StoreError>`. On
/// PostgreSQL the macro evaluates the expression a second time if the connection is broken.
#[macro_export]
#[doc(hidden)]
macro_rules! __db_read {
    ($db:expr, |$reader:ident| $statement:expr) => {
        match &$db {
            $crate::Db::Sqlite(db) => {
                let read = async {
                    let mut lease = db.lease_reader().await?;
                    let $reader = lease.connection()?;
                    let read = $statement.await;
                    lease.end(read)
                };
                db.work().measure($crate::WorkKind::Read, read).await.map_err($crate::StoreError::from)
            }
            $crate::Db::Postgres(db) => {
                let mut tries = db.read_retries();
                loop {
                    let read = async {
                        let mut lease = db.lease_reader().await?;
                        let $reader = lease.connection();
                        let read = db.limit_read($statement).await;
                        lease.end(read)
                    };
                    match db.work().measure($crate::WorkKind::Read, read).await {
                        Err(error) if tries.once_more(&error) => {}
                        read => break read.map_err($crate::StoreError::from),
                    }
                }
            }
        }
    };
}

/// Runs one statement that writes, and returns the number of rows written as a `Result<u64, StoreError>`.
///
/// `write!(db, sqlx::query(SQL).bind(id))`. On PostgreSQL the macro evaluates the statement again if the server asks
/// for a repetition. A third argument, [`HeldByWrite`](crate::HeldByWrite), is given up after the commit and before the
/// acknowledgment.
#[macro_export]
#[doc(hidden)]
macro_rules! __db_write {
    ($db:expr, $statement:expr) => {
        $crate::__db_write_by!($db, write, $statement, None)
    };
    ($db:expr, $statement:expr, $held:expr) => {
        $crate::__db_write_by!($db, write, $statement, $held)
    };
}

/// Runs one statement that writes and returns at most one row, as a `Result<Option<_>, StoreError>`.
///
/// `write_one!(db, sqlx::query_as(SQL).bind(id))`. On PostgreSQL the macro evaluates the statement again if the server
/// asks for a repetition. A third argument is as in [`write!`].
#[macro_export]
#[doc(hidden)]
macro_rules! __db_write_one {
    ($db:expr, $statement:expr) => {
        $crate::__db_write_by!($db, write_one, $statement, None)
    };
    ($db:expr, $statement:expr, $held:expr) => {
        $crate::__db_write_by!($db, write_one, $statement, $held)
    };
}

#[macro_export]
#[doc(hidden)]
macro_rules! __db_write_by {
    ($db:expr, $write:ident, $statement:expr, $held:expr) => {
        match &$db {
            $crate::Db::Sqlite(db) => db.$write($statement, $held).await,
            $crate::Db::Postgres(db) => {
                let _held: $crate::HeldByWrite = $held;
                let mut tries = db.write_retries();
                loop {
                    let written = db.$write($statement).await;
                    if !tries.once_more(&written).await {
                        break written;
                    }
                }
            }
        }
    };
}

/// Runs several statements as one transaction. All writes are stored if the closure returns a
/// [`TransactionOutcome`](crate::TransactionOutcome) that commits.
///
/// `transaction!(db, async move |mut tx| { ...; Ok(TransactionOutcome::Commit(answer)) })` is a `Result<_,
/// StoreError>`. The closure owns the data that it works with; see [`Db::transaction`](crate::Db::transaction).
#[macro_export]
#[doc(hidden)]
macro_rules! __db_transaction {
    ($db:expr, $work:expr) => {
        // The future is boxed here because the closure's type is known here. Stable Rust has no other way to require
        // that the future is `Send`.
        $db.transaction($crate::work($work), |tx, work| ::std::boxed::Box::pin(work(tx))).await
    };
}

/// Runs a statement in a [`Tx`](crate::Tx).
///
/// `within!(tx, |connection| sqlx::query_as(SQL).bind(id).fetch_one(connection))` is the future's `Result<_,
/// sqlx::Error>`. `within!(tx, sqlx::query(SQL).bind(id))` is the number of rows written, as a `Result<u64,
/// sqlx::Error>`.
#[macro_export]
#[doc(hidden)]
macro_rules! __db_within {
    ($tx:expr, |$connection:ident| $statement:expr) => {
        match &mut $tx {
            $crate::Tx::Sqlite(connection) => {
                let $connection = &mut **connection;
                $statement.await
            }
            $crate::Tx::Postgres(connection) => {
                let $connection = &mut **connection;
                $statement.await
            }
        }
    };
    ($tx:expr, $statement:expr) => {
        match &mut $tx {
            $crate::Tx::Sqlite(connection) => {
                $statement.execute(&mut **connection).await.map(|written| written.rows_affected())
            }
            $crate::Tx::Postgres(connection) => {
                $statement.execute(&mut **connection).await.map(|written| written.rows_affected())
            }
        }
    };
}

pub use crate::{
    __db_read as read, __db_transaction as transaction, __db_within as within, __db_write as write,
    __db_write_one as write_one,
};
