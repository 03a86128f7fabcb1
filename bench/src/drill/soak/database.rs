//! The database of a soak.

use clap::ValueEnum;
use serde::Serialize;

/// Database of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SoakDatabase {
    /// PostgreSQL if its programs are installed, otherwise SQLite
    Auto,
    /// One auth service and one blog service, on SQLite files
    Sqlite,
    /// Two auth services and one blog service, on one PostgreSQL
    Postgres,
}
