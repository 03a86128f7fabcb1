//! Output of the demo: plain text, in color on a terminal.

use std::io::{IsTerminal as _, Write as _};

use kit::config::{ConfigError, Environment};

use super::step::DemoStep;
use super::tally::Tally;

/// Plain or colored output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Color,
}

/// A text style, with its code (ECMA-48, SGR).
#[derive(Clone, Copy, Debug)]
enum Ink {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Cyan = 36,
}

impl Style {
    /// Returns color for a terminal, unless `NO_COLOR` (<https://no-color.org>) or `TERM` refuses it.
    pub(super) fn from_environment(environment: Environment) -> Result<Self, ConfigError> {
        let refused =
            environment.text("NO_COLOR")?.is_some() || environment.text("TERM")?.is_none_or(|term| term == "dumb");
        Ok(if std::io::stdout().is_terminal() && !refused { Self::Color } else { Self::Plain })
    }

    /// Colors each line separately, so that a pager may start at any line.
    fn paint(self, ink: Ink, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Color => {
                let painted = |line| format!("\u{1b}[{}m{line}\u{1b}[0m", ink as u8);
                let lines = text.lines().map(|line| if line.is_empty() { String::new() } else { painted(line) });
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// Prints to standard output. A closed output is ignored: the exit code still counts.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Introduction of a demo against running services.
pub(super) const RUNNING: &str = "\
After the demo you can run its lines yourself. Begin with the first one: NAME=$(…) keeps a value for later lines.
Tokens are shortened.";

/// Introduction of a demo against its own pair.
pub(super) const OWN: &str = "\
The demo runs its own pair and stops it at the end. To run the lines yourself, start `gatepost` and the demo against it:
  gatepost demo --auth-url http://127.0.0.1:50051 --blog-url http://127.0.0.1:50052
Tokens are shortened.";

pub(super) fn opening(style: Style, text: &str) -> String {
    style.paint(Ink::Dim, text)
}

pub(super) fn heading(style: Style, heading: &str) -> String {
    style.paint(Ink::Bold, &format!("\n== {heading} =="))
}

pub(super) fn title(style: Style, number: usize, total: usize, title: &str) -> String {
    style.paint(Ink::Bold, &format!("\n# {number}/{total} {title}"))
}

pub(super) fn command(style: Style, line: &str) -> String {
    style.paint(Ink::Cyan, line)
}

pub(super) fn mark(style: Style, step: &DemoStep, result: &Result<(), String>) -> String {
    match result {
        Ok(()) => style.paint(Ink::Green, &format!("✓ {}", step.verdict())),
        Err(problem) => style.paint(Ink::Red, &format!("✗ {problem}")),
    }
}

/// Returns the last line: the number of steps, and the unexpected ones.
pub(super) fn closing(style: Style, tally: &Tally) -> String {
    if tally.is_well() {
        return style.paint(Ink::Green, &format!("\n{} steps, all as expected", tally.total));
    }
    let played = match &tally.unexpected[..] {
        [] => format!("{} of {} steps were played", tally.total - tally.left_out, tally.total),
        [one] => format!("1 of {} steps was not as expected: {one}", tally.total),
        many => {
            let numbers: Vec<_> = many.iter().map(usize::to_string).collect();
            format!("{} of {} steps were not as expected: {}", many.len(), tally.total, numbers.join(", "))
        }
    };
    let rest = match tally.left_out {
        0 => String::new(),
        left_out => format!("; the last {left_out} were left out"),
    };
    style.paint(Ink::Red, &format!("\n{played}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::super::tally::EarlyEnd;
    use super::*;

    #[test]
    fn each_line_is_colored_and_plain_text_is_not() {
        assert_eq!(command(Style::Color, "a \\\n  b"), "\u{1b}[36ma \\\u{1b}[0m\n\u{1b}[36m  b\u{1b}[0m");
        assert_eq!(title(Style::Color, 1, 2, "a"), "\n\u{1b}[1m# 1/2 a\u{1b}[0m");
        assert_eq!(command(Style::Plain, "a \\\n  b"), "a \\\n  b");
        let step = DemoStep::new("", "");
        assert_eq!(mark(Style::Color, &step, &Ok(())), "\u{1b}[32m✓ as expected\u{1b}[0m");
        assert_eq!(mark(Style::Plain, &step, &Err("expected an answer".into())), "✗ expected an answer");
    }

    #[test]
    fn output_without_a_terminal_has_no_color() {
        // The output of tests is captured or piped; otherwise the missing `TERM` refuses color.
        assert_eq!(Style::from_environment(Environment::new(|_| None)).unwrap(), Style::Plain);
    }

    #[test]
    fn closing_line_counts_steps() {
        let closes = |unexpected: &[usize], left_out, cut| {
            closing(Style::Plain, &Tally { total: 26, unexpected: unexpected.to_vec(), left_out, cut })
        };
        assert_eq!(closes(&[], 0, None), "\n26 steps, all as expected");
        assert_eq!(closes(&[3], 0, None), "\n1 of 26 steps was not as expected: 3");
        assert_eq!(closes(&[3, 5], 6, None), "\n2 of 26 steps were not as expected: 3, 5; the last 6 were left out");
        assert_eq!(closes(&[], 20, Some(EarlyEnd::Stopped)), "\n6 of 26 steps were played; the last 20 were left out");
    }
}
