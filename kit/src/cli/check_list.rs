//! List of checks with their results.

use std::error::Error;

use serde::Serialize;

use super::output_format::table;
use super::print;

/// State of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// Nothing to do.
    Ok,
    /// Works, but should be changed.
    Warning,
    /// Does not work.
    Failed,
    /// Not checked; the text says what the check needs.
    Skipped,
}

/// Result of a check.
#[derive(Clone, Debug, Serialize)]
struct CheckResult {
    check: String,
    state: CheckState,
    /// Finding, and what to do.
    text: String,
}

/// Checks with their results, in order.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct CheckList(Vec<CheckResult>);

/// Error of a list with failed checks.
#[derive(Debug, thiserror::Error)]
#[error("{} failed: {}", if .0.len() == 1 { "1 check".to_owned() } else { format!("{} checks", .0.len()) }, .0.join(", "))]
struct ChecksFailed(Vec<String>);

impl CheckList {
    /// Adds a result.
    pub fn add(&mut self, check: impl Into<String>, state: CheckState, text: impl Into<String>) {
        self.0.push(CheckResult { check: check.into(), state, text: text.into() });
    }

    /// Prints a text that contains this list.
    ///
    /// # Errors
    /// Fails if a check has failed, even if the output cannot be written: the error names the failed checks. Otherwise
    /// fails if the output cannot be written.
    pub fn print(&self, text: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        let printed = print(text);
        self.verdict()?;
        Ok(printed?)
    }

    fn verdict(&self) -> Result<(), ChecksFailed> {
        let failed = self.0.iter().filter(|result| result.state == CheckState::Failed);
        let failed: Vec<_> = failed.map(|result| result.check.clone()).collect();
        if failed.is_empty() { Ok(()) } else { Err(ChecksFailed(failed)) }
    }

    /// Returns the list as a table with a heading.
    pub fn table(&self) -> String {
        let heading = ["CHECK", "STATE", "RESULT"].map(str::to_owned).to_vec();
        let rows = self.0.iter().map(|CheckResult { check, state, text }| {
            let state = match state {
                CheckState::Ok => "ok",
                CheckState::Warning => "warning",
                CheckState::Failed => "FAILED",
                CheckState::Skipped => "skipped",
            };
            vec![check.clone(), state.to_owned(), text.clone()]
        });
        table(&[heading].into_iter().chain(rows).collect::<Vec<_>>())
    }
}
