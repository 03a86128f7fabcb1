//! One span and one event for each call: method, code, reason, subject, peer and trace.
//!
//! A span is exported over OTLP. The event is a line of the log, of the target `gatepost::call` at the level `debug`.
//! While both are off, a call costs one comparison.

mod queue;
mod record;
pub mod request_id;
mod span;
mod subject;
mod tracer;

pub use queue::SpanQueue;
pub use record::{CallFailure, SpanRecord, SpanRole};
pub use tracer::CallTracer;

pub(crate) use span::CallSpan;
pub(crate) use subject::SubjectNotes;
