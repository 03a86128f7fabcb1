//! Log on standard error, one line per event; standard output stays for scripts.

mod control;
mod fields;
mod filter;
mod json;
mod panics;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Format, debug_fn};
use tracing_subscriber::util::SubscriberInitExt as _;

pub use control::LogControl;
pub(crate) use panics::report as report_panics;

use crate::output::{self, LogFormat, LogWriter};
use json::EventFormat;

/// Starts the log with this filter in the syntax of `RUST_LOG` (`debug`, `gatepost=trace,info`). `crates` lists
/// names that the filter may contain without a level. Returns the control of the filter.
///
/// # Errors
/// Fails with a message if the filter cannot be parsed, or if a log has been started already.
pub fn start(
    filter: Option<&str>,
    crates: &'static [&'static [&'static str]],
    ansi: bool,
) -> Result<LogControl, String> {
    let parsed = filter::parse(filter, crates).map_err(|problem| format!("RUST_LOG: {problem}"))?;
    let (log, replace) = log(parsed, ansi, LogFormat::current, LogWriter(output::stderr()));
    log.try_init().map_err(|_| "the log has been started already".to_owned())?;
    Ok(LogControl::new(filter, crates, replace))
}

/// Returns a log that goes to `writer`, and the function that replaces its filter.
///
/// The log does not report its own faults: it would use `eprintln!`, which panics if standard error has no reader, and
/// blocks if the reader stalls.
fn log<W>(
    filter: EnvFilter,
    ansi: bool,
    format: fn() -> LogFormat,
    writer: W,
) -> (impl Subscriber + Send + Sync, impl Fn(EnvFilter) -> Result<(), String> + Send + Sync + 'static)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let fields = debug_fn(fields::write).delimited(" ");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .log_internal_errors(false)
        .event_format(EventFormat { inner: Format::default(), format })
        .fmt_fields(fields)
        .with_writer(writer)
        .with_filter_reloading();
    let handle = builder.reload_handle();
    let replace =
        move |filter| handle.reload(filter).map_err(|error| format!("the filter cannot be changed ({error})"));
    (builder.finish(), replace)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _, Seek as _};
    use std::sync::Arc;

    use super::*;

    /// Returns the text that `say` writes to the log.
    fn logged(filter: &str, ansi: bool, say: impl FnOnce()) -> String {
        logged_as(|| LogFormat::Text, filter, ansi, |_| say())
    }

    /// Returns the text of a log of this form after `say`, which gets the control of its filter.
    fn logged_as(format: fn() -> LogFormat, filter: &str, ansi: bool, say: impl FnOnce(LogControl)) -> String {
        let written = Arc::new(tempfile::tempfile().unwrap());
        let (log, replace) = log(filter::parse(Some(filter), &[]).unwrap(), ansi, format, Arc::clone(&written));
        let control = LogControl::new(Some(filter), &[], replace);
        tracing::subscriber::with_default(log, || say(control));
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

    /// C66: modules that show headers or texts of callers are silent at every setting.
    #[test]
    fn modules_that_show_headers_are_silent() {
        for filter in [
            "trace",
            "tonic::transport::service::grpc_timeout=trace,h2::frame::headers=trace",
            "h2=trace,tonic=trace",
            "html5ever=trace,html5ever::tree_builder=debug,html5ever::tokenizer=trace",
        ] {
            let said = logged(filter, false, || {
                tracing::trace!(target: "tonic::transport::service::grpc_timeout", "canary");
                tracing::trace!(target: "h2::frame::headers", "canary");
                tracing::debug!(target: "html5ever::tree_builder", "canary");
                tracing::trace!(target: "html5ever::tokenizer", "canary");
                tracing::trace!(target: "html5ever::tokenizer::char_ref", "canary");
                tracing::trace!(target: "h2::frame::settings", "settings");
            });
            assert!(!said.contains("canary"), "{filter}: {said}");
        }
        let settings = || tracing::trace!(target: "h2::frame::settings", "settings");
        assert!(logged("trace", false, settings).contains("settings"));
    }

    #[test]
    fn json_lines_are_objects_with_typed_fields() {
        let sent = "Ada \"x\"\r\n\u{1b}[2J";
        let lines = logged_as(
            || LogFormat::Json,
            "info",
            true,
            |_| {
                tracing::info!(target: "some::target", text = sent, shown = %sent, count = 3_u64, half = 0.5, on = true, "said {sent}");
                tracing::error!(target: "gatepost::audit", left_out = None::<u64>, event = "refresh");
                let error = io::Error::other(sent);
                tracing::warn!(cause = &error as &(dyn std::error::Error + 'static), "away");
            },
        );
        let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        let first = &lines[0];
        assert_eq!((&first["level"], &first["target"]), (&"INFO".into(), &"some::target".into()));
        assert_eq!(first["message"], format!("said {sent}"));
        let fields = serde_json::json!({"text": sent, "shown": sent, "count": 3, "half": 0.5, "on": true});
        assert_eq!(first["fields"], fields);
        assert!(first["timestamp"].as_str().unwrap().ends_with('Z'), "{first}");
        assert_eq!(lines[1]["fields"], serde_json::json!({"event": "refresh"}));
        assert!(lines[1].get("message").is_none(), "{}", lines[1]);
        assert_eq!(lines[2]["fields"]["cause"], sent);
    }

    #[test]
    fn json_lines_are_one_line_and_cut() {
        let sent = "é\n".repeat(500_000);
        let line = logged_as(|| LogFormat::Json, "info", false, |_| tracing::info!(text = sent.as_str(), "{sent}"));
        assert!(line.len() < 3 * 1100 && line.matches('\n').count() == 1, "{} bytes", line.len());
        assert_eq!(line.matches('…').count(), 2, "{line}");
    }

    #[test]
    fn filter_changes_while_the_log_runs() {
        let said = logged_as(
            || LogFormat::Text,
            "info",
            false,
            |control| {
                let say = |number: u32| tracing::debug!(target: "gatepost::guard", number, "said");
                say(1);
                control.set_filter("gatepost=debug,info").unwrap();
                assert_eq!(control.filter().unwrap(), "gatepost=debug,info");
                say(2);
                let why = control.set_filter("loud").unwrap_err();
                assert!(why.starts_with("unknown level \"loud\"; write off, error"), "{why}");
                say(3);
                control.set_filter(" ").unwrap();
                assert_eq!(control.filter().unwrap(), "info", "an empty text restores the start");
                say(4);
            },
        );
        assert!(said.contains("number=2") && said.contains("number=3"), "{said}");
        assert!(!said.contains("number=1") && !said.contains("number=4"), "{said}");
        assert!(LogControl::default().set_filter("info").is_err());
    }

    /// C66: modules that show headers stay silent after a change.
    #[test]
    fn changed_filter_keeps_modules_silent() {
        let said = logged_as(
            || LogFormat::Text,
            "info",
            false,
            |control| {
                control.set_filter("trace").unwrap();
                tracing::trace!(target: "h2::frame::headers", "canary");
                tracing::trace!(target: "h2::frame::settings", "settings");
            },
        );
        assert!(!said.contains("canary") && said.contains("settings"), "{said}");
    }
}
