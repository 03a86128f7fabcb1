//! Choice of PostgreSQL by `GATEPOST_TEST_POSTGRES`.

use super::variable::variable;

/// Server for the databases of tests.
pub(super) enum Setting {
    /// A throw-away server of this process.
    Own,
    /// The server of this URL.
    Given(String),
    /// No server; tests on PostgreSQL are skipped.
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

/// Prints that a test was skipped.
///
/// # Panics
/// Panics in CI.
#[expect(clippy::print_stdout, reason = "a skipped test must be visible")]
pub(super) fn skipped(why: &str) {
    let line = format!("skipped: {why}, so no test ran on PostgreSQL");
    assert!(variable("CI").is_none(), "CI must not skip tests; {line}");
    println!("{line}");
}
