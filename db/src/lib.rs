//! A service's own database: two engines, one store, one SQL text.
//!
//! A statement is written once, as an expression inside one of the macros [`read!`], [`write!`], [`write_one!`] and
//! [`within!`]; it is evaluated for whichever engine is open, so each driver checks it with its own types.

pub mod clock;
mod closing;
mod engine;
mod error;
mod exposure;
mod failure;
pub mod health;
mod macros;
mod migrations;
mod options;
mod patience;
mod postgres;
pub mod requests;
pub mod schema;
pub mod secrets;
mod settle;
mod sqlite;
mod transaction;
mod url;
mod watcher;

/// The crates of the database that log.
pub const CRATES: &[&str] = &["db", "sqlx", "sqlx_core", "sqlx_postgres"];

pub use closing::{Closing, Statement, Value};
pub use engine::Db;
pub use error::{OpenError, StoreError, is_locked};
pub use macros::{read, transaction, watch, within, write, write_one};
pub use migrations::{InSteps, Migrations, Misfit, misfit};
pub use patience::patiently;
pub use postgres::{Follower, Lease, Opening, Postgres, Reads, Writes};
pub use settle::settle;
pub use sqlite::{FileLock, RESTORING, Sqlite, beside, check_integrity, make_file, make_folder, open_to_fill, remains};
pub use transaction::{Tx, Verdict, work};
pub use url::{DatabaseUrl, Server};
pub use watcher::{Own, Watcher};
