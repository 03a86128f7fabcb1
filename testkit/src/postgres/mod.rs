//! A PostgreSQL for tests and drills: one of this process's own, or the one that `GATEPOST_TEST_POSTGRES` names.
//!
//! | `GATEPOST_TEST_POSTGRES` | [`database`] | [`server`] |
//! | --- | --- | --- |
//! | unset or empty | of one throw-away server for the whole process | a throw-away server |
//! | a URL | of that server | a throw-away server, or `None` where its programs are missing |
//! | `skip` | `None` | `None` |
//!
//! Each `None` prints a line that begins with `skipped:`. With `CI` set it is a panic: in CI, nothing counts that was
//! not tried.

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
pub use error::Error;
pub use server::{PostgresServer, Throttle};
pub use throwaway::server;
