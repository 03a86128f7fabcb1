//! The figures of a scenario.

use super::super::{Broken, Report};
use super::row::Row;
use crate::Failure;

/// The figures of a scenario: rows of the table, and lines of their own.
#[derive(Debug, Default)]
pub struct Figures {
    /// Rows of the table, one for each form of the attack.
    pub rows: Vec<Row>,
    /// Lines behind the table.
    pub lines: Vec<String>,
    /// Promises that did not hold, beside those that the rows show.
    pub broken: Vec<Broken>,
}

impl From<Report> for Figures {
    fn from(Report { lines, broken }: Report) -> Self {
        Self { lines, broken, ..Self::default() }
    }
}

impl Figures {
    pub(super) fn lines(lines: Result<Vec<String>, Failure>) -> Result<Self, Failure> {
        lines.map(|lines| Self { lines, ..Self::default() })
    }
}
