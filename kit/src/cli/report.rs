//! Results of checks, for `doctor`.

use std::error::Error;

use serde::Serialize;

use super::check_list::{CheckList, CheckState};
use super::output_format::{OutputFormat, json};
use super::shown_settings::{ShownSetting, show_settings};
use crate::config::EffectiveSetting;

/// Settings of a program, and the results of its checks.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    settings: Vec<EffectiveSetting>,
    section: Option<&'static str>,
    checks: CheckList,
}

/// Report as programs read it.
#[derive(Serialize)]
struct ShownReport<'r> {
    settings: Vec<ShownSetting<'r>>,
    checks: &'r CheckList,
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
        self.checks.add(check, state, text);
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
    /// Fails if a check has failed, or if the output cannot be written.
    pub fn print(&self, format: OutputFormat) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.checks.print(&self.shown(format))
    }

    fn shown(&self, format: OutputFormat) -> String {
        if format == OutputFormat::Json {
            let settings = self.settings.iter().map(ShownSetting::new).collect();
            return json(&ShownReport { settings, checks: &self.checks });
        }
        format!("{}\n\n{}", show_settings(&self.settings, format), self.checks.table())
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
