//! PostgreSQL for tests and drills: a throw-away server of this process, or the server in `GATEPOST_TEST_POSTGRES`.
//!
//! | `GATEPOST_TEST_POSTGRES` | [`database`] | [`server`] |
//! | --- | --- | --- |
//! | unset or empty | on one throw-away server for the whole process | a throw-away server |
//! | a URL | on that server | a throw-away server, or `None` if its programs are missing |
//! | `skip` | `None` | `None` |
//!
//! Each `None` prints a line that begins with `skipped:`. With `CI` set, it is a panic instead: CI must not skip tests.

mod account;
mod admin;
mod bouncer;
mod database;
mod error;
mod names;
mod processes;
mod programs;
mod server;
mod setting;
mod throwaway;
mod variable;
mod watchdog;

pub use bouncer::Bouncer;
pub use database::{PostgresDatabase, database};
pub use error::PostgresError;
pub use server::{PostgresServer, Throttle};
pub use throwaway::server;
