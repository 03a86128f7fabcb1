//! Results of a command, written row by row, so that memory does not grow with their number.

use std::io::{self, Write};

use serde::Serialize;

use super::failure::CommandFailure;
use super::output_format::OutputFormat;
use super::shown_text::shown_text;

/// Row of a listing: cells for people, and a document for programs.
pub trait ListedRow: Serialize {
    /// Headings of the columns.
    const HEADINGS: &'static [&'static str];

    /// Returns the cells, as many as headings.
    fn cells(&self) -> Vec<String>;
}

/// Form of the documents of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentForm {
    /// One JSON array.
    Array,
    /// One document per line, for results without an end.
    Lines,
}

/// Listing on an output, as a table or as JSON.
#[derive(Debug)]
pub struct Listing<W> {
    output: W,
    format: OutputFormat,
    documents: DocumentForm,
    /// Widths of the columns, from the first rows.
    widths: Vec<usize>,
    has_begun: bool,
    has_rows: bool,
}

impl<W: Write> Listing<W> {
    /// Creates a listing on this output.
    pub fn new(output: W, format: OutputFormat, documents: DocumentForm) -> Self {
        Self { output, format, documents, widths: Vec::new(), has_begun: false, has_rows: false }
    }

    /// Writes some rows, such as those of a page. The first rows give the widths of the columns.
    ///
    /// # Errors
    /// Fails if the output cannot be written. The failure is quiet if the reader closed it.
    pub fn rows<R: ListedRow>(&mut self, rows: &[R]) -> Result<(), CommandFailure> {
        let text = match (self.format, self.documents) {
            (OutputFormat::Table, _) => self.table(rows),
            (OutputFormat::Json, DocumentForm::Array) => self.array(rows),
            (OutputFormat::Json, DocumentForm::Lines) => rows.iter().map(|row| document(row) + "\n").collect(),
        };
        self.has_begun = true;
        self.write(&text)
    }

    /// Writes the end. Without rows a table is only its headings.
    ///
    /// # Errors
    /// Fails if the output cannot be written. The failure is quiet if the reader closed it.
    pub fn end<R: ListedRow>(&mut self) -> Result<(), CommandFailure> {
        if !self.has_begun {
            self.rows::<R>(&[])?;
        }
        match (self.format, self.documents) {
            (OutputFormat::Json, DocumentForm::Array) => self.write("\n]\n"),
            _ => Ok(()),
        }
    }

    fn table<R: ListedRow>(&mut self, rows: &[R]) -> String {
        let shown = |row: &R| row.cells().iter().map(|cell| shown_text(cell)).collect::<Vec<_>>();
        let mut lines: Vec<Vec<String>> = rows.iter().map(shown).collect();
        if !self.has_begun {
            lines.insert(0, R::HEADINGS.iter().map(|&heading| heading.to_owned()).collect());
            self.widths = R::HEADINGS.iter().map(|_| 0).collect();
            for line in &lines {
                for (width, cell) in self.widths.iter_mut().zip(line) {
                    *width = (*width).max(cell.chars().count());
                }
            }
        }
        let line = |cells: &Vec<String>| {
            let cells = cells.iter().zip(&self.widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        lines.iter().map(line).collect()
    }

    fn array<R: ListedRow>(&mut self, rows: &[R]) -> String {
        let mut text = String::from(if self.has_begun { "" } else { "[" });
        for row in rows {
            text += if std::mem::replace(&mut self.has_rows, true) { ",\n" } else { "\n" };
            text += &document(row);
        }
        text
    }

    fn write(&mut self, text: &str) -> Result<(), CommandFailure> {
        let written = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        written.map_err(|error| CommandFailure::output(&error))
    }
}

/// Returns the document of a row on one line.
fn document<R: Serialize>(row: &R) -> String {
    // Fails only for maps whose keys are not strings.
    serde_json::to_string(row).unwrap_or_default()
}

/// Returns a listing on standard output.
pub fn listing(format: OutputFormat, documents: DocumentForm) -> Listing<io::Stdout> {
    Listing::new(io::stdout(), format, documents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::FailureKind;

    #[derive(Serialize)]
    struct Row {
        id: u32,
        name: String,
    }

    impl ListedRow for Row {
        const HEADINGS: &'static [&'static str] = &["ID", "NAME"];

        fn cells(&self) -> Vec<String> {
            vec![self.id.to_string(), self.name.clone()]
        }
    }

    fn listed(format: OutputFormat, documents: DocumentForm, pages: &[&[u32]]) -> String {
        let mut bytes = Vec::new();
        let mut listing = Listing::new(&mut bytes, format, documents);
        for page in pages {
            let rows: Vec<_> = page.iter().map(|&id| Row { id, name: format!("n\n{id}") }).collect();
            listing.rows(&rows).unwrap();
        }
        listing.end::<Row>().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn pages_make_one_table() {
        let text = listed(OutputFormat::Table, DocumentForm::Array, &[&[100], &[2, 3]]);
        assert_eq!(text, "ID   NAME\n100  n\\u{a}100\n2    n\\u{a}2\n3    n\\u{a}3\n");
        assert_eq!(listed(OutputFormat::Table, DocumentForm::Array, &[]), "ID  NAME\n");
    }

    #[test]
    fn pages_make_one_document_or_lines() {
        for pages in [&[&[1, 2][..], &[3]][..], &[&[1], &[], &[2, 3]], &[&[], &[1, 2, 3]], &[]] {
            let text = listed(OutputFormat::Json, DocumentForm::Array, pages);
            let read: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
            assert_eq!(read.len(), pages.concat().len(), "{text}");
        }
        let lines = listed(OutputFormat::Json, DocumentForm::Lines, &[&[1], &[2]]);
        assert_eq!(lines, "{\"id\":1,\"name\":\"n\\n1\"}\n{\"id\":2,\"name\":\"n\\n2\"}\n");
    }

    #[test]
    fn closed_output_ends_a_listing() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut listing = Listing::new(writer, OutputFormat::Json, DocumentForm::Lines);
        let failure = listing.rows(&[Row { id: 1, name: String::new() }]).unwrap_err();
        assert_eq!((failure.kind, failure.kind.exit_code()), (FailureKind::ReaderGone, 0));
    }
}
