//! The log line that reports dropped lines.

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

/// Returns the note, in the form of the log's own lines.
pub(super) fn left_out(count: u64) -> Vec<u8> {
    format!("{}  WARN kit::output: log lines left out count={count}\n", time()).into_bytes()
}

/// Returns the current time in the log's format.
pub(crate) fn time() -> String {
    let mut text = String::new();
    // A write to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}
