//! A server of its own for one test or drill.

use super::programs;
use super::server::PostgresServer;
use super::setting::{Setting, skipped};

/// A throw-away server for one test or drill, which may do to it what it likes; `None` where PostgreSQL is skipped, or
/// where there is no other than the one that `GATEPOST_TEST_POSTGRES` names.
///
/// # Panics
/// When no server starts, and, in CI, where it would be `None`.
pub async fn server() -> Option<PostgresServer> {
    match Setting::read() {
        Setting::Skip => skipped("GATEPOST_TEST_POSTGRES=skip"),
        Setting::Given(_) if programs::find().is_err() => {
            skipped("GATEPOST_TEST_POSTGRES names a server that is not ours to break");
        }
        Setting::Own | Setting::Given(_) => match PostgresServer::start().await {
            Ok(server) => return Some(server),
            Err(error) => panic!("{error}"),
        },
    }
    None
}
