//! Form of the lines on standard error.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use clap::ValueEnum;

/// Set if the lines are JSON. Standard error belongs to the process, so its lines have one form.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Maximum number of bytes of a value in a line.
pub(crate) const MAX_VALUE_BYTES: usize = 1024;

/// Mark at the end of a cut value.
pub(crate) const CUT_MARK: char = '…';

/// Form of the lines of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    #[default]
    Text,
    /// A JSON object for each line
    Json,
}

impl LogFormat {
    /// Sets the form of all lines of this process from now on.
    pub fn set(self) {
        IS_JSON.store(self == Self::Json, Relaxed);
    }

    /// Returns the form of the process's lines.
    pub(crate) fn current() -> Self {
        if IS_JSON.load(Relaxed) { Self::Json } else { Self::Text }
    }
}

/// Writes a value as a JSON string. Cuts and marks a long one.
///
/// All control characters are escaped, not only those that JSON requires: they would reach the operator's terminal.
pub(crate) fn write_json(writer: &mut dyn fmt::Write, value: fmt::Arguments<'_>) -> fmt::Result {
    writer.write_char('"')?;
    let mut text = JsonText { writer, room: MAX_VALUE_BYTES, is_cut: false };
    match text.write_fmt(value) {
        Err(_) if text.is_cut => text.writer.write_char(CUT_MARK)?,
        written => written?,
    }
    writer.write_char('"')
}

/// Writer of a JSON string's content. It fails when it is full, so that a long value is not formatted to its end.
struct JsonText<'a> {
    writer: &'a mut dyn fmt::Write,
    /// Remaining bytes of the value.
    room: usize,
    is_cut: bool,
}

impl fmt::Write for JsonText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            let Some(room) = self.room.checked_sub(char.len_utf8()) else {
                self.is_cut = true;
                return Err(fmt::Error);
            };
            self.room = room;
            match char {
                '"' => self.writer.write_str("\\\""),
                '\\' => self.writer.write_str("\\\\"),
                '\n' => self.writer.write_str("\\n"),
                char if char.is_control() => write!(self.writer, "\\u{:04x}", u32::from(char)),
                char => self.writer.write_char(char),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &str) -> String {
        let mut text = String::new();
        write_json(&mut text, format_args!("{value}")).unwrap();
        text
    }

    #[test]
    fn json_strings_escape_quotes_and_controls() {
        assert_eq!(json("Ada \"x\" \\ é"), r#""Ada \"x\" \\ é""#);
        assert_eq!(json("a\nb\r\u{1b}[2J\u{9b}\0"), "\"a\\nb\\u000d\\u001b[2J\\u009b\\u0000\"");
    }

    #[test]
    fn long_json_strings_are_cut_and_marked() {
        let cut = json(&"é".repeat(1000));
        assert_eq!(cut, format!("\"{}…\"", "é".repeat(512)));
        assert!(!json(&"e".repeat(MAX_VALUE_BYTES)).contains(CUT_MARK));
    }
}
