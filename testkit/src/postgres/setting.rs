//! The PostgreSQL that the environment gives to tests.

use super::variable::variable;

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
