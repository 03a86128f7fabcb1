//! The file of a run: one JSON line for each sample, minute and fault, written at once.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use super::sampler::ProcessSample;
use super::tally::Successes;
use super::{SoakFault, SoakPlan};
use crate::Failure;
use crate::machine::MachineFacts;

/// A line of the file.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum RunEvent<'a> {
    Start { schema: u32, machine: &'a MachineFacts, plan: &'a SoakPlan },
    Sample { in_fault: bool, processes: &'a [ProcessSample] },
    Fault { fault: SoakFault, begun_seconds: f64, ended_seconds: f64 },
    Minute { at_seconds: f64, outside: Successes, inside: Successes, broken: u64 },
    End { report: &'a serde_json::Value },
}

/// The file.
#[derive(Debug)]
pub(super) struct RunFile(File);

impl RunFile {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        Ok(Self(file))
    }

    pub(super) fn write(&mut self, event: &RunEvent<'_>) -> Result<(), Failure> {
        let mut line = serde_json::to_string(event)?;
        line.push('\n');
        Ok(self.0.write_all(line.as_bytes())?)
    }
}
