//! Text of a field: escaped, and cut if it is long.

use std::fmt::{self, Write as _};

use tracing::field::Field;
use tracing_subscriber::fmt::format::Writer;

use crate::output::{CUT_MARK, MAX_VALUE_BYTES};

/// Writes a field with escaped control characters (C67); the default formatter does not escape them.
///
/// A line break from a user would otherwise forge an event, and an escape sequence would reach the operator's terminal.
pub(super) fn write(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{field}=")?;
    }
    write_value(writer, format_args!("{value:?}"))
}

/// Writes an escaped value. Cuts and marks a long one.
pub(super) fn write_value(writer: &mut dyn fmt::Write, value: fmt::Arguments<'_>) -> fmt::Result {
    let mut plain = Plain { writer, room: MAX_VALUE_BYTES, is_cut: false };
    match plain.write_fmt(value) {
        Err(_) if plain.is_cut => plain.writer.write_char(CUT_MARK),
        written => written,
    }
}

/// Writer that escapes control characters. It fails when it is full, so that a long value is not formatted to its end.
struct Plain<'a> {
    writer: &'a mut dyn fmt::Write,
    /// Bytes left.
    room: usize,
    is_cut: bool,
}

impl fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            let length = if char.is_control() { char.escape_default().len() } else { char.len_utf8() };
            let Some(room) = self.room.checked_sub(length) else {
                self.is_cut = true;
                return Err(fmt::Error);
            };
            self.room = room;
            if char.is_control() {
                write!(self.writer, "{}", char.escape_default())?;
            } else {
                self.writer.write_char(char)?;
            }
        }
        Ok(())
    }
}
