//! Events of the log as JSON objects, one per line.

use std::error::Error;
use std::fmt::{self, Write as _};

use gatepost::trace;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::output::{self, LogFormat, write_json};

/// Prefix of the fields in which the crate `log` passes the origin of its records.
const LOG_PREFIX: &str = "log.";

/// Fields that become members of the top-level object, because log collectors look for them there.
const TRACE_FIELDS: [&str; 2] = ["trace_id", "span_id"];

/// Format of events: JSON, or the text of `inner`, as the process has set it.
#[derive(Debug)]
pub(super) struct EventFormat<F> {
    pub(super) inner: F,
    pub(super) format: fn() -> LogFormat,
}

impl<S, N, F> FormatEvent<S, N> for EventFormat<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match (self.format)() {
            LogFormat::Text => self.inner.format_event(context, writer, event),
            LogFormat::Json => write_event(&mut writer, event),
        }
    }
}

/// Writes an event as a JSON object: the time, level, target, message, trace and fields. The trace is that of the call
/// that the task serves.
fn write_event(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let mut values = JsonValues::default();
    event.record(&mut values);
    let (metadata, JsonValues { message, fields, target, trace }) = (event.metadata(), values);
    let target = target.as_deref().unwrap_or(metadata.target());
    write!(writer, r#"{{"timestamp":"{}","level":"{}","target":"#, output::time(), metadata.level())?;
    write_json(writer, format_args!("{target}"))?;
    if !message.is_empty() {
        write!(writer, r#","message":{message}"#)?;
    }
    write!(writer, "{trace}")?;
    if let Some(current) = trace::current().filter(|_| trace.is_empty()) {
        write!(writer, r#","trace_id":"{}","span_id":"{}""#, current.trace(), current.span())?;
    }
    if !fields.is_empty() {
        write!(writer, r#","fields":{{{fields}}}"#)?;
    }
    writeln!(writer, "}}")
}

/// Values of an event in their JSON form.
#[derive(Default)]
struct JsonValues {
    /// Message as a JSON string; empty without one.
    message: String,
    /// Members of the object of all other fields.
    fields: String,
    /// Target of a record of the crate `log`.
    target: Option<String>,
    /// Members with the trace that the event names itself.
    trace: String,
}

impl JsonValues {
    /// Adds a member whose value `write` appends.
    fn member(&mut self, field: &Field, write: impl FnOnce(&mut String) -> fmt::Result) {
        // Writes to a string cannot fail.
        if field.name() == "message" {
            self.message.clear();
            let _ = write(&mut self.message);
        } else if TRACE_FIELDS.contains(&field.name()) {
            let _ = write!(self.trace, r#","{field}":"#);
            let _ = write(&mut self.trace);
        } else if !field.name().starts_with(LOG_PREFIX) {
            let comma = if self.fields.is_empty() { "" } else { "," };
            let _ = write!(self.fields, r#"{comma}"{field}":"#);
            let _ = write(&mut self.fields);
        }
    }

    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.member(field, |text| write_json(text, value));
    }

    fn number(&mut self, field: &Field, value: impl fmt::Display) {
        self.member(field, |text| write!(text, "{value}"));
    }
}

impl Visit for JsonValues {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        self.text(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has neither infinity nor NaN.
        if value.is_finite() { self.number(field, value) } else { self.text(field, format_args!("{value}")) }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value);
    }
}
