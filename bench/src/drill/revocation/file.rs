//! A recorded history as a file of JSON lines (docs/drills.md describes the format).

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{CheckResult, HistoryEntries, ObservedCall, ObservedRevocation};
use crate::Failure;
use crate::drill::{Broken, Report};
use crate::machine::MachineFacts;

/// Version of the format.
const SCHEMA: u32 = 1;

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum HistoryLine {
    /// The first line.
    Start {
        schema: u32,
        command: String,
        commit: String,
        guards: usize,
    },
    Revocation(ObservedRevocation),
    Check(ObservedCall),
}

/// A file that takes histories.
#[derive(Debug)]
pub struct HistoryFile(BufWriter<File>);

/// Content of a file.
#[derive(Debug)]
pub struct RecordedHistory {
    /// Number of guards.
    pub guards: usize,
    /// The observations.
    pub entries: HistoryEntries,
}

impl HistoryFile {
    /// Creates the file. `command` is the command that records the histories.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn create(path: &Path, command: &str, guards: usize) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        let MachineFacts { command, commit, .. } = MachineFacts::read(command);
        let mut file = Self(BufWriter::new(file));
        file.line(&HistoryLine::Start { schema: SCHEMA, command, commit, guards })?;
        Ok(file)
    }

    /// Adds the observations of a history.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn add(&mut self, entries: &HistoryEntries) -> Result<(), Failure> {
        for revocation in &entries.revocations {
            self.line(&HistoryLine::Revocation(*revocation))?;
        }
        for call in &entries.calls {
            self.line(&HistoryLine::Check(*call))?;
        }
        Ok(self.0.flush()?)
    }

    fn line(&mut self, line: &HistoryLine) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.0, line)?;
        Ok(self.0.write_all(b"\n")?)
    }
}

impl RecordedHistory {
    /// Reads a file.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or a line is not of this format.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
        let (mut entries, mut found) = (HistoryEntries::default(), None);
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line: HistoryLine = serde_json::from_str(&line?)
                .map_err(|error| format!("{}, line {}: {error}", path.display(), number + 1))?;
            match line {
                HistoryLine::Start { schema: SCHEMA, guards, .. } => found = Some(guards),
                HistoryLine::Start { schema, .. } => {
                    return Err(
                        format!("{}: schema {schema} is unknown, only {SCHEMA} is known", path.display()).into()
                    );
                }
                HistoryLine::Revocation(revocation) => entries.revocations.push(revocation),
                HistoryLine::Check(call) => entries.calls.push(call),
            }
        }
        let guards = found.ok_or_else(|| format!("{} has no line `start`", path.display()))?;
        Ok(Self { guards, entries })
    }

    /// Checks the history, and returns its figures.
    pub fn report(&self) -> Report {
        let mut report = Report::default();
        let result = self.entries.check(self.guards);
        report.row("checks", result.calls);
        report.row("acknowledged revocations", result.revocations);
        report.row("checks later than 2 s after one", result.late_calls);
        report.row("latest admitted check after one", format!("{} ms", result.latest.as_millis()));
        if result.revocations == 0 || result.late_calls == 0 {
            let seen = format!("{} revocations, {} late checks", result.revocations, result.late_calls);
            report.broken.push(Broken::new("a history has revocations, and checks later than 2 s after them", seen));
        }
        report.row("checks at the revoking replica after the answer", result.strict_calls);
        report.row("checks out of order, in all places", result.disorder.len());
        report.broken.extend(broken(&result));
        report
    }
}

/// Returns each broken promise.
pub(in crate::drill) fn broken(result: &CheckResult) -> Vec<Broken> {
    let late = result.violations.iter().map(|violation| {
        let (late, call) = (violation.late.as_millis(), violation.call);
        let seen = format!("{late} ms, session {} at {:?}", call.session, call.place);
        Broken::new("no call that begins later than 2 s after an acknowledged revocation is admitted", seen)
    });
    let odd = result.odd.iter().map(|call| {
        let promise = "a guarded call is admitted, or ends with UNAUTHENTICATED or UNAVAILABLE";
        Broken::new(promise, format!("{:?}, session {} at {:?}", call.outcome, call.session, call.place))
    });
    let disorder = result.disorder.iter().map(|violation| {
        let call = violation.call;
        let seen =
            format!("session {} at {:?}, call from {:?} to {:?}", call.session, call.place, call.begun, call.ended);
        Broken::new(violation.rule.promise(), seen)
    });
    late.chain(disorder).chain(odd).collect()
}

#[cfg(test)]
mod tests;
