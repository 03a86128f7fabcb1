//! The figures of a scenario.

use super::super::{Broken, Report};
use super::row::Row;
use crate::Failure;

/// The figures of a scenario: rows of the table, and separate lines.
#[derive(Debug, Default)]
pub struct FieldFigures {
    /// Rows of the table, one for each form of the attack.
    pub rows: Vec<Row>,
    /// Lines after the table.
    pub lines: Vec<String>,
    /// Broken promises that are not in the rows.
    pub broken: Vec<Broken>,
}

impl From<Report> for FieldFigures {
    fn from(Report { lines, broken }: Report) -> Self {
        Self { lines, broken, ..Self::default() }
    }
}

impl FieldFigures {
    pub(super) fn lines(lines: Result<Vec<String>, Failure>) -> Result<Self, Failure> {
        lines.map(|lines| Self { lines, ..Self::default() })
    }
}
