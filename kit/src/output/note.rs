//! Lines of standard error that are not events of the log, such as the report of dropped lines.

use std::fmt::{self, Write as _};

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::format::{LogFormat, write_json};

/// Returns the note, in the form of the log's own lines.
pub(super) fn left_out(count: u64) -> Vec<u8> {
    match LogFormat::current() {
        LogFormat::Text => format!("{}  WARN kit::output: log lines left out count={count}\n", time()),
        LogFormat::Json => json_line("WARN", "kit::output", format_args!("log lines left out count={count}")) + "\n",
    }
    .into_bytes()
}

/// Returns a line in the JSON form of the log, without its line break.
pub(crate) fn json_line(level: &str, target: &str, message: fmt::Arguments<'_>) -> String {
    let mut line = format!(r#"{{"timestamp":"{}","level":"{level}","target":"{target}","message":"#, time());
    // A write to a string cannot fail.
    let _ = write_json(&mut line, message);
    let _ = line.write_char('}');
    line
}

/// Returns the current time in the log's format.
pub(crate) fn time() -> String {
    let mut text = String::new();
    // A write to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}
