//! What the services' tests share: time that stands still, folders that vanish, and a client that keeps no rules.

mod case;
mod database;
mod engines;
mod garbage;
pub mod http;
pub mod machine;
mod methods;
mod raw;

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use crate::Clock;
pub use crate::db::Outsider;
pub use case::{Case, Opening};
pub use database::TestDatabase;
pub use engines::on_both_engines;
pub use garbage::garbage;
pub use methods::{Method, methods};
pub use raw::{Raw, Reply, framed};

/// The time at which tests begin: 2026-01-01T00:00:00Z.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default()
}

/// A clock that stands at [`start`].
pub fn clock() -> Clock {
    Clock::manual(start())
}

/// A new folder that is removed when the value is dropped.
///
/// # Panics
/// When the machine gives no temporary folder: no test can run then.
#[expect(clippy::expect_used, reason = "no test can run without a folder")]
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The same in the machine's memory, where it has a folder for that: for tests that write much and lose nothing by it.
///
/// # Panics
/// As [`folder`].
pub fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| folder())
}
