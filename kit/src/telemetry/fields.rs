//! The text of a field: escaped, and cut where it is long.

use std::fmt::{self, Write as _};

use tracing::field::Field;
use tracing_subscriber::fmt::format::Writer;

/// Bytes of a field's value that a line shows.
const MAX_VALUE_BYTES: usize = 1024;

/// Stands behind a value that was cut.
const CUT_MARK: char = '…';

/// Writes a field, with its control characters escaped: a line break in what a user has sent would begin an event that
/// never happened, and an escape would speak to the operator's terminal (C67). The formatter's own fields let both pass.
pub(super) fn write(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{field}=")?;
    }
    write_value(writer, format_args!("{value:?}"))
}

/// Writes a value: escaped, and cut and marked if it is long.
pub(super) fn write_value(writer: &mut dyn fmt::Write, value: fmt::Arguments<'_>) -> fmt::Result {
    let mut plain = Plain { writer, room: MAX_VALUE_BYTES, is_cut: false };
    match plain.write_fmt(value) {
        Err(_) if plain.is_cut => plain.writer.write_char(CUT_MARK),
        written => written,
    }
}

/// Escapes what is written through it. It fails when it is full, so that a long value is not formatted to its end.
struct Plain<'a> {
    writer: &'a mut dyn fmt::Write,
    /// Bytes that may still be written.
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
