//! Forms of a command's output: a table for people, JSON for programs.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::shown_text::shown_text;

/// Flag of the output's form.
#[derive(Clone, Copy, Debug, Args)]
pub struct OutputFlags {
    /// Form of the output: table for people, or json for programs
    #[arg(long, default_value = "table", hide_possible_values = true)]
    pub output: OutputFormat,
}

/// Form of a command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Columns with a heading
    Table,
    /// JSON document
    Json,
}

/// Returns the rows with aligned columns. The last column is not padded. Characters that would control a terminal are
/// escaped.
pub fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| shown_text(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns the JSON text of a document.
pub fn json<T: Serialize>(document: &T) -> String {
    // Fails only for maps whose keys are not strings.
    serde_json::to_string_pretty(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["A", "B"], ["long", "x"], ["é", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "A     B\nlong  x\né");
        assert_eq!(table(&[vec!["a\u{1b}]52;".to_owned()]]), "a\\u{1b}]52;");
        assert_eq!(table(&[]), "");
    }
}
