//! A throw-away server for one test or drill.

use super::programs;
use super::server::PostgresServer;
use super::setting::{Setting, skipped};

/// Starts a throw-away server for one test or drill.
///
/// Returns `None` if PostgreSQL is skipped, or if `GATEPOST_TEST_POSTGRES` is set and this machine has no PostgreSQL.
///
/// # Panics
/// Panics if the start fails. In CI it also panics instead of returning `None`.
pub async fn server() -> Option<PostgresServer> {
    match Setting::read() {
        Setting::Skip => skipped("GATEPOST_TEST_POSTGRES=skip"),
        Setting::Given(_) if programs::find().is_err() => {
            skipped("GATEPOST_TEST_POSTGRES names a server that tests must not break");
        }
        Setting::Own | Setting::Given(_) => match PostgresServer::start().await {
            Ok(server) => return Some(server),
            Err(error) => panic!("{error}"),
        },
    }
    None
}
