//! Lines that a service prints for people after its start.

use crate::output::{self, LogFormat};

/// Page of the repository that links to all other pages for operators.
const DOCS: &str = "docs/operations/README.md";

/// Facts about a program that serves, and hints.
#[derive(Clone, Debug)]
pub struct Greeting {
    title: String,
    rows: Vec<GreetingRow>,
    hints: String,
}

#[derive(Clone, Debug)]
struct GreetingRow {
    label: &'static str,
    text: String,
}

impl Greeting {
    /// Creates a greeting of the program with this name.
    #[must_use]
    pub fn new(program: &str) -> Self {
        let title = format!("{program} {} serves; Ctrl-C stops it", env!("CARGO_PKG_VERSION"));
        Self { title, rows: Vec::new(), hints: String::new() }
    }

    /// Adds a fact.
    #[must_use]
    pub fn row(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.rows.push(GreetingRow { label, text: text.into() });
        self
    }

    /// Adds commands to try, below the facts.
    #[must_use]
    pub fn hints(self, hints: String) -> Self {
        Self { hints, ..self }
    }

    /// Prints the greeting to standard error, even if that is not a terminal: operators read it with the log. Prints
    /// nothing if the log is JSON, which programs read.
    pub fn print(self) {
        if LogFormat::current() == LogFormat::Text {
            output::err(&self.row("docs", DOCS).text());
        }
    }

    fn text(&self) -> String {
        let width = self.rows.iter().map(|row| row.label.len()).max().unwrap_or_default();
        let rows = self.rows.iter().map(|GreetingRow { label, text }| format!("\n  {label:<width$}  {text}"));
        format!("\n{}{}\n\n{}", self.title, rows.collect::<String>(), self.hints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_aligned() {
        let greeting = Greeting::new("prog").row("a", "1").row("bcd", "2").hints("Try: x\n".into());
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            greeting.text(),
            format!("\nprog {version} serves; Ctrl-C stops it\n  a    1\n  bcd  2\n\nTry: x\n")
        );
    }
}
