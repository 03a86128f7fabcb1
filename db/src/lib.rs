//! The database of a service: two engines, one store, one SQL text.
//!
//! A store writes each statement once, as an expression inside one of the macros [`read!`], [`write!`], [`write_one!`]
//! and [`within!`]. The macro evaluates it for the open engine, so each driver checks it with its own types.

mod checks;
pub mod clock;
mod closing;
mod compatibility;
mod engine;
mod error;
mod exposure;
mod facts;
mod failure;
pub mod health;
mod ids;
mod macros;
mod measures;
mod metrics;
mod migrations;
mod options;
mod postgres;
pub mod requests;
mod row_cache;
mod rows;
pub mod schema;
pub mod secrets;
mod settle;
mod sqlite;
mod startup;
mod transaction;
mod url;
mod watcher;

/// Names of the database crates that write log lines.
pub const CRATES: &[&str] = &["db", "sqlx", "sqlx_core", "sqlx_postgres"];

pub use checks::{DatabaseCheck, check_unopened};
pub use closing::{ClosingStatements, SqlStatement, SqlValue};
pub use engine::Db;
pub use error::{OpenError, StoreError, is_locked};
pub use ids::id_columns;
pub use macros::{read, transaction, within, write, write_one};
pub use measures::{WorkKind, WorkTimes};
pub use migrations::{InSteps, Migrations, Misfit, misfit};
pub use options::SessionSetting;
pub use postgres::{Lease, Postgres, ReadRetries, SessionOptions, WriteRetries};
pub use row_cache::{ReadMark, RowBytes, RowCache, WriteHold};
pub use rows::{FileRow, FileRowError, ReadRow};
pub use settle::settle;
pub use sqlite::{
    FileLock, HeldByWrite, LossSign, RESTORING, ReaderLease, Sqlite, WitnessReading, beside, check_integrity,
    make_file, make_folder, open_to_fill, remains,
};
pub use startup::patiently;
pub use transaction::{TransactionOutcome, Tx, work};
pub use url::{DatabaseUrl, PostgresUrl, shown_url};
pub use watcher::Watcher;
