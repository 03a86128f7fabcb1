//! Logs: to standard error, so that standard output stays for what a script reads.

use tracing_subscriber::EnvFilter;

/// The filter without a setting: what an operator wants to see, one line an event.
const DEFAULT_FILTER: &str = "info";

/// Starts the log with this filter, in the syntax of `RUST_LOG` (`debug`, `gatepost=trace,info`).
///
/// # Errors
/// A sentence, when the filter cannot be read or a log has been started already.
pub fn start(filter: Option<&str>, ansi: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter.unwrap_or(DEFAULT_FILTER))
        .map_err(|_| "RUST_LOG cannot be read: write a level such as `info`, or `gatepost=debug,info`".to_owned())?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .try_init()
        .map_err(|_| "the log has been started already".to_owned())
}
