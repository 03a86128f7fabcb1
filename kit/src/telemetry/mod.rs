//! Log on standard error, one line per event; standard output stays for scripts.

mod fields;
mod filter;
mod panics;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::output::{self, LogWriter};

pub(crate) use panics::report as report_panics;

/// Starts the log with this filter in the syntax of `RUST_LOG` (`debug`, `gatepost=trace,info`). `crates` lists names
/// that the filter may contain without a level.
///
/// # Errors
/// Fails with a message if the filter cannot be parsed, or if a log has been started already.
pub fn start(filter: Option<&str>, crates: &[&[&str]], ansi: bool) -> Result<(), String> {
    let filter = filter::parse(filter, crates)?;
    let log = log(filter, ansi, LogWriter(output::stderr()));
    log.try_init().map_err(|_| "the log has been started already".to_owned())
}

/// Returns a log that writes to `writer`. The log does not report its own faults: it would use `eprintln!`, which
/// panics if standard error has no reader, and blocks if the reader stalls.
fn log<W>(filter: EnvFilter, ansi: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let fields = debug_fn(fields::write).delimited(" ");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .fmt_fields(fields)
        .log_internal_errors(false)
        .with_writer(writer)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _, Seek as _};
    use std::sync::Arc;

    use super::*;

    /// Returns the text that `say` writes to the log.
    fn logged(filter: &str, ansi: bool, say: impl FnOnce()) -> String {
        let written = Arc::new(tempfile::tempfile().unwrap());
        let log = log(filter::parse(Some(filter), &[]).unwrap(), ansi, Arc::clone(&written));
        tracing::subscriber::with_default(log, say);
        let (mut file, mut text) = (&*written, String::new());
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    /// C67: a user's text starts no line and sends no control sequence to a terminal.
    #[test]
    fn control_characters_of_fields_are_escaped() {
        let sent = "Ada\r\n2026-01-01T00:00:00Z  INFO let in\u{1b}[2J\u{9b}31m\u{7}\0";
        let error = io::Error::other(sent);
        for ansi in [false, true] {
            let plain = logged("info", ansi, || tracing::info!("plain"));
            let lines = logged("info", ansi, || {
                tracing::info!("{sent}");
                tracing::info!(shown = %sent, debugged = ?sent, text = sent, "fields");
                tracing::error!(cause = &error as &(dyn std::error::Error + 'static), "cause");
            });
            assert_eq!(lines.lines().count(), 3, "{lines}");
            assert_eq!(lines.matches('\n').count(), 3, "{lines}");
            for sequence in ["\u{1b}[2J", "\u{9b}", "\u{7}", "\0", "\r"] {
                assert!(!lines.contains(sequence), "{sequence:?}: {lines:?}");
            }
            assert_eq!(plain.contains('\u{1b}'), ansi, "the log's own colors stay: {plain:?}");
            assert!(lines.contains("\\n2026-01-01"), "nothing is left out: {lines}");
        }
    }

    #[test]
    fn long_fields_are_cut_and_marked() {
        let sent = "é\n".repeat(500_000);
        let line = logged("info", false, || {
            tracing::info!(text = sent.as_str(), shown = %sent, debugged = ?[sent.as_str()], last = "whole", "{sent}");
        });
        assert!(line.len() < 4 * 1100 + 200, "{} bytes", line.len());
        assert_eq!(line.matches('…').count(), 4, "{line}");
        assert!(line.ends_with(" last=\"whole\"\n"), "{line}");
    }

    /// C66: modules that show headers are silent at every setting.
    #[test]
    fn modules_that_show_headers_are_silent() {
        for filter in
            ["trace", "tonic::transport::service::grpc_timeout=trace,h2::frame::headers=trace", "h2=trace,tonic=trace"]
        {
            let said = logged(filter, false, || {
                tracing::trace!(target: "tonic::transport::service::grpc_timeout", "canary");
                tracing::trace!(target: "h2::frame::headers", "canary");
                tracing::trace!(target: "h2::frame::settings", "settings");
            });
            assert!(!said.contains("canary"), "{filter}: {said}");
        }
        let settings = || tracing::trace!(target: "h2::frame::settings", "settings");
        assert!(logged("trace", false, settings).contains("settings"));
    }
}
