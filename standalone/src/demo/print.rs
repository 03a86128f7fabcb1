//! How the story looks: plain text, in colour on a terminal.

use std::io::{IsTerminal as _, Write as _};

use kit::config::{ConfigError, Environment};

use super::step::Step;
use super::tally::Tally;

/// Whether there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Colour,
}

/// What colour is for, by its code (ECMA-48, SGR).
#[derive(Clone, Copy, Debug)]
enum Ink {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Cyan = 36,
}

impl Style {
    /// Colour where a terminal shows it and nobody has asked for none (<https://no-color.org>).
    pub(super) fn of(environment: Environment) -> Result<Self, ConfigError> {
        let refused =
            environment.text("NO_COLOR")?.is_some() || environment.text("TERM")?.is_none_or(|term| term == "dumb");
        Ok(if std::io::stdout().is_terminal() && !refused { Self::Colour } else { Self::Plain })
    }

    /// Each line for itself, so that a pager which starts in the middle knows the colour.
    fn paint(self, ink: Ink, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => {
                let painted = |line| format!("\u{1b}[{}m{line}\u{1b}[0m", ink as u8);
                let lines = text.lines().map(|line| if line.is_empty() { String::new() } else { painted(line) });
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// Says it on standard output. That nobody reads it any more is no reason to end: the exit code still counts.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What to know of a story that is told to running services.
pub(super) const RUNNING: &str = "\
Once the demo has ended, its lines can be copied and run, from the first on: NAME=$(…) keeps what later lines need
of an answer. Of a token only the beginning is shown.";

/// What to know of a story that is told to services of its own.
pub(super) const OWN: &str = "\
These two are the demo's own and end with it. To run the lines yourself, start `gatepost` and play the demo against it:
  gatepost demo --auth-url http://127.0.0.1:50051 --blog-url http://127.0.0.1:50052
Of a token only the beginning is shown.";

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

pub(super) fn mark(style: Style, step: &Step, judged: &Result<(), String>) -> String {
    match judged {
        Ok(()) => style.paint(Ink::Green, &format!("✓ {}", step.verdict())),
        Err(problem) => style.paint(Ink::Red, &format!("✗ {problem}")),
    }
}

/// The last line: how many steps there were, and which were not as expected.
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
    use super::super::tally::Cut;
    use super::*;

    #[test]
    fn colour_is_around_each_line_and_plain_text_has_none() {
        assert_eq!(command(Style::Colour, "a \\\n  b"), "\u{1b}[36ma \\\u{1b}[0m\n\u{1b}[36m  b\u{1b}[0m");
        assert_eq!(title(Style::Colour, 1, 2, "a"), "\n\u{1b}[1m# 1/2 a\u{1b}[0m");
        assert_eq!(command(Style::Plain, "a \\\n  b"), "a \\\n  b");
        let step = Step::new("", "");
        assert_eq!(mark(Style::Colour, &step, &Ok(())), "\u{1b}[32m✓ as expected\u{1b}[0m");
        assert_eq!(mark(Style::Plain, &step, &Err("expected an answer".into())), "✗ expected an answer");
    }

    #[test]
    fn without_a_terminal_there_is_no_colour() {
        // Tests are run with their output captured or piped; `TERM` absent says the same where they are not.
        assert_eq!(Style::of(Environment::new(|_| None)).unwrap(), Style::Plain);
    }

    #[test]
    fn the_closing_line_counts() {
        let closes = |unexpected: &[usize], left_out, cut| {
            closing(Style::Plain, &Tally { total: 26, unexpected: unexpected.to_vec(), left_out, cut })
        };
        assert_eq!(closes(&[], 0, None), "\n26 steps, all as expected");
        assert_eq!(closes(&[3], 0, None), "\n1 of 26 steps was not as expected: 3");
        assert_eq!(closes(&[3, 5], 6, None), "\n2 of 26 steps were not as expected: 3, 5; the last 6 were left out");
        assert_eq!(closes(&[], 20, Some(Cut::Stopped)), "\n6 of 26 steps were played; the last 20 were left out");
    }
}
