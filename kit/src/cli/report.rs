//! Results of checks, for `doctor`.

use serde::Serialize;

use super::output_format::{OutputFormat, json, table};
use super::shown_settings::{ShownSetting, show_settings};
use crate::config::EffectiveSetting;

/// State of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// Nothing is to be done.
    Ok,
    /// Works, and should be changed.
    Warning,
    /// Does not work.
    Failed,
}

/// Result of a check.
#[derive(Clone, Debug, Serialize)]
struct CheckResult {
    check: String,
    state: CheckState,
    /// State of affairs, and what to do.
    text: String,
}

/// Settings of a program, and the results of its checks.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    settings: Vec<EffectiveSetting>,
    section: Option<&'static str>,
    results: Vec<CheckResult>,
}

/// Error of a report with failed checks.
#[derive(Debug, thiserror::Error)]
#[error("{} failed: {}", if .0.len() == 1 { "1 check".to_owned() } else { format!("{} checks", .0.len()) }, .0.join(", "))]
pub struct ChecksFailed(Vec<String>);

/// Report as programs read it.
#[derive(Serialize)]
struct ShownReport<'r> {
    settings: Vec<ShownSetting<'r>>,
    checks: &'r [CheckResult],
}

impl CheckReport {
    /// Creates a report without checks.
    #[must_use]
    pub fn new(settings: Vec<EffectiveSetting>) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Names the part that the next checks belong to.
    pub fn section(&mut self, section: &'static str) {
        self.section = Some(section);
    }

    /// Adds a result.
    pub fn add(&mut self, check: &str, state: CheckState, text: impl Into<String>) {
        let check = self.section.map_or_else(|| check.to_owned(), |section| format!("{section} {check}"));
        self.results.push(CheckResult { check, state, text: text.into() });
    }

    /// Adds a good result.
    pub fn ok(&mut self, check: &str, text: impl Into<String>) {
        self.add(check, CheckState::Ok, text);
    }

    /// Adds a warning.
    pub fn warn(&mut self, check: &str, text: impl Into<String>) {
        self.add(check, CheckState::Warning, text);
    }

    /// Adds a failure.
    pub fn fail(&mut self, check: &str, text: impl Into<String>) {
        self.add(check, CheckState::Failed, text);
    }

    /// Prints the report to standard output.
    ///
    /// # Errors
    /// Fails if a check has failed.
    pub fn print(&self, format: OutputFormat) -> Result<(), ChecksFailed> {
        super::print(&self.shown(format));
        let failed = self.results.iter().filter(|result| result.state == CheckState::Failed);
        let failed: Vec<_> = failed.map(|result| result.check.clone()).collect();
        if failed.is_empty() { Ok(()) } else { Err(ChecksFailed(failed)) }
    }

    fn shown(&self, format: OutputFormat) -> String {
        if format == OutputFormat::Json {
            let settings = self.settings.iter().map(ShownSetting::new).collect();
            return json(&ShownReport { settings, checks: &self.results });
        }
        let heading = ["CHECK", "STATE", "RESULT"].map(str::to_owned).to_vec();
        let rows = self.results.iter().map(|CheckResult { check, state, text }| {
            let state = match state {
                CheckState::Ok => "ok",
                CheckState::Warning => "warning",
                CheckState::Failed => "FAILED",
            };
            vec![check.clone(), state.to_owned(), text.clone()]
        });
        let rows: Vec<_> = [heading].into_iter().chain(rows).collect();
        format!("{}\n\n{}", show_settings(&self.settings, format), table(&rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_fail_the_report() {
        let mut report = CheckReport::new(Vec::new());
        report.ok("a", "well");
        report.warn("b", "nearly");
        assert!(report.print(OutputFormat::Table).is_ok());
        report.section("auth");
        report.fail("c", "badly");
        let failed = report.print(OutputFormat::Json).unwrap_err().to_string();
        assert_eq!(failed, "1 check failed: auth c");
        assert!(report.shown(OutputFormat::Table).ends_with("\nauth c  FAILED   badly"));
    }
}
