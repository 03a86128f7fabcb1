//! The output of a benchmark: lines for a reader, and all figures as JSON.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::Failure;

/// The place of the lines and of the JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReportOutput<'o> {
    json: Option<&'o Path>,
}

impl<'o> ReportOutput<'o> {
    /// Returns the output with JSON in this file, on standard output for `-`, or without JSON.
    pub(crate) fn new(json: Option<&'o Path>) -> Self {
        Self { json }
    }

    /// Prints lines: on standard error if standard output gets the JSON.
    #[expect(clippy::print_stdout, reason = "figures are this program's output")]
    pub(crate) fn show(self, lines: &str) {
        if self.prints_json() { eprintln!("{lines}") } else { println!("{lines}") }
    }

    /// Writes all figures as JSON, if that was requested.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    #[expect(clippy::print_stdout, reason = "figures are this program's output")]
    pub(crate) fn write(self, report: &impl Serialize) -> Result<(), Failure> {
        let Some(file) = self.json else { return Ok(()) };
        let json = serde_json::to_string_pretty(report)?;
        if self.prints_json() {
            println!("{json}");
        } else {
            fs::write(file, json + "\n")?;
        }
        Ok(())
    }

    fn prints_json(self) -> bool {
        self.json == Some(Path::new("-"))
    }
}
