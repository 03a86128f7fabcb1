//! The result of `bench load`, as JSON. A change of a field's meaning or name raises the schema's number.

use serde::Serialize;

use super::LoadSettings;
use super::figures::SeriesFigures;
use super::ratio::Ratio;
use crate::machine::MachineFacts;

/// Number of the schema.
pub(super) const LOAD_SCHEMA: u32 = 1;

/// The result. docs/benchmarks.md describes the fields.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LoadReport {
    pub(super) schema: u32,
    #[serde(flatten)]
    pub(super) machine: MachineFacts,
    /// True if the services were running before.
    pub(super) running_services: bool,
    pub(super) settings: LoadSettings,
    pub(super) series: Vec<SeriesFigures>,
    pub(super) ratios: Vec<Ratio>,
    pub(super) not_run: Vec<NotRun>,
}

/// A call that was not measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NotRun {
    pub(super) call: String,
    pub(super) reason: String,
}
