//! What the environment says of the PostgreSQL that tests use.

use super::programs;
use super::server::Server;

/// Where tests make their databases.
pub(super) enum Setting {
    /// In a server of this process's own.
    Own,
    /// In the server of this URL.
    Given(String),
    /// Nowhere.
    Skip,
}

impl Setting {
    pub(super) fn read() -> Self {
        match variable("GATEPOST_TEST_POSTGRES") {
            None => Self::Own,
            Some(value) if value == "skip" => Self::Skip,
            Some(url) => Self::Given(url),
        }
    }
}

/// A variable of the environment; an empty one is none.
#[expect(clippy::disallowed_methods, reason = "scripts/test names its tools by the environment")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Prints that nothing was tried.
///
/// # Panics
/// In CI.
#[expect(clippy::print_stdout, reason = "a test that tried nothing says so")]
pub(super) fn skipped(why: &str) {
    let line = format!("skipped: {why}, so nothing was tried on PostgreSQL");
    assert!(variable("CI").is_none(), "in CI nothing may be left out; {line}");
    println!("{line}");
}

/// A throw-away server for one test or drill, which may do to it what it likes; `None` where PostgreSQL is skipped, or
/// where there is no other than the one that `GATEPOST_TEST_POSTGRES` names.
///
/// # Panics
/// When no server starts, and, in CI, where it would be `None`.
pub async fn server() -> Option<Server> {
    match Setting::read() {
        Setting::Skip => skipped("GATEPOST_TEST_POSTGRES=skip"),
        Setting::Given(_) if programs::find().is_err() => {
            skipped("GATEPOST_TEST_POSTGRES names a server that is not ours to break");
        }
        Setting::Own | Setting::Given(_) => match Server::start().await {
            Ok(server) => return Some(server),
            Err(error) => panic!("{error}"),
        },
    }
    None
}
