//! The line that says how many lines are missing at its place.

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

/// Returns the line, in the form of the log's own lines.
pub(super) fn left_out(count: u64) -> Vec<u8> {
    format!("{}  WARN kit::output: log lines left out count={count}\n", time()).into_bytes()
}

/// Returns the time now as the log writes it.
pub(crate) fn time() -> String {
    let mut text = String::new();
    // A string can always be written to.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}
