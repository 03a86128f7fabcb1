//! Logs: to standard error, so that standard output stays for what a script reads, and an event a line.

use std::fmt;
use std::io;

use tracing::Subscriber;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The filter without a setting: what an operator wants to see, one line an event.
const DEFAULT_FILTER: &str = "info";

/// What is never said, whatever the setting: at the level `trace` these modules show a header's value when it is malformed,
/// and a token that stands in the wrong header is one (C66).
const NEVER: [&str; 2] = ["tonic::transport::service::grpc_timeout=off", "h2::frame::headers=off"];

/// Starts the log with this filter, in the syntax of `RUST_LOG` (`debug`, `gatepost=trace,info`).
///
/// # Errors
/// A sentence, when the filter cannot be read or a log has been started already.
pub fn start(filter: Option<&str>, ansi: bool) -> Result<(), String> {
    let filter = parse(filter.unwrap_or(DEFAULT_FILTER))
        .ok_or("RUST_LOG cannot be read: write a level such as `info`, or `gatepost=debug,info`")?;
    log(filter, ansi, io::stderr).try_init().map_err(|_| "the log has been started already".to_owned())
}

/// The filter of this text, less what is never said.
fn parse(text: &str) -> Option<EnvFilter> {
    let never = NEVER.iter().map(|directive| directive.parse().ok());
    never.fold(EnvFilter::try_new(text).ok(), |filter, directive| Some(filter?.add_directive(directive?)))
}

/// A log that goes to `writer`.
fn log<W>(filter: EnvFilter, ansi: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let fields = debug_fn(field).delimited(" ");
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).fmt_fields(fields).with_writer(writer).finish()
}

/// Writes a field, with its control characters escaped: a line break in what a user has sent would begin an event that
/// never happened, and an escape would speak to the operator's terminal (C67). The formatter's own fields let both pass.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{field}=")?;
    }
    for char in format!("{value:?}").chars() {
        if char.is_control() { write!(writer, "{}", char.escape_default())? } else { writer.write_char(char)? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};
    use std::sync::Arc;

    use super::*;

    /// What the log has when this is said.
    fn logged(filter: &str, ansi: bool, say: impl FnOnce()) -> String {
        let written = Arc::new(tempfile::tempfile().unwrap());
        let log = log(parse(filter).unwrap(), ansi, Arc::clone(&written));
        tracing::subscriber::with_default(log, say);
        let (mut file, mut text) = (&*written, String::new());
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn c67_what_a_user_sends_begins_no_line_and_speaks_to_no_terminal() {
        let sent = "Ada\r\n2026-01-01T00:00:00Z  INFO let in\u{1b}[2J\u{9b}31m\u{7}\0";
        let error = io::Error::other(sent);
        for ansi in [false, true] {
            let plain = logged(DEFAULT_FILTER, ansi, || tracing::info!("plain"));
            let lines = logged(DEFAULT_FILTER, ansi, || {
                tracing::info!("{sent}");
                tracing::info!(shown = %sent, debugged = ?sent, text = sent, "fields");
                tracing::error!(cause = &error as &(dyn std::error::Error + 'static), "cause");
            });
            assert_eq!(lines.lines().count(), 3, "{lines}");
            assert_eq!(lines.matches('\n').count(), 3, "{lines}");
            for sequence in ["\u{1b}[2J", "\u{9b}", "\u{7}", "\0", "\r"] {
                assert!(!lines.contains(sequence), "{sequence:?}: {lines:?}");
            }
            assert_eq!(plain.contains('\u{1b}'), ansi, "the log's own colours stay: {plain:?}");
            assert!(lines.contains("\\n2026-01-01"), "nothing is left out: {lines}");
        }
    }
    #[test]
    fn c66_modules_that_show_headers_are_silent_whatever_the_setting() {
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
        assert!(
            logged("trace", false, || tracing::trace!(target: "h2::frame::settings", "settings")).contains("settings")
        );
        assert!(parse("gatepost=loud").is_none());
    }
}
