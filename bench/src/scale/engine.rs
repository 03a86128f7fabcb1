//! The engines.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// An engine below both services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScaleEngine {
    /// One process with two SQLite files
    Sqlite,
    /// Two processes on a throw-away PostgreSQL, without fsync
    Postgres,
}

impl fmt::Display for ScaleEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        formatter.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
