//! Ended span, as the exporter gets it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use gatepost::Identity;
use gatepost::trace::{SpanId, TraceParent};
use tonic::Code;

/// Side of a call that a span describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanRole {
    /// Service that answered the call.
    Server,
    /// Guard that made the call.
    Client,
}

/// Ended span.
#[derive(Clone, Debug)]
pub struct SpanRecord {
    /// Side of the call.
    pub role: SpanRole,
    /// Trace and id of the span.
    pub context: TraceParent,
    /// Id of the span that caused this one.
    pub parent: Option<SpanId>,
    /// Full name of the method, or `other`.
    pub method: Arc<str>,
    /// Start of the call.
    pub begun: DateTime<Utc>,
    /// Time from the start to the end.
    pub elapsed: Duration,
    /// Status code of the answer.
    pub code: Code,
    /// Details of a failure, and the id of the request.
    pub failure: CallFailure,
    /// Caller, if the guard has identified one.
    pub subject: Option<Identity>,
    /// Address of the caller or of the proxy in between.
    pub peer: Option<SocketAddr>,
}

/// Details of a status that are no secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFailure {
    /// Reason in the contract, such as `TOKEN_REVOKED`.
    pub reason: Option<String>,
    /// Id that the log shows for an internal error; otherwise the id that the caller gave to the request.
    pub request_id: Option<String>,
}

#[cfg(test)]
impl SpanRecord {
    /// Returns the span of a good call without a caller.
    pub(crate) fn for_tests() -> Self {
        let (failure, parent, subject, peer, begun, elapsed) = Default::default();
        let (role, context, method) = (SpanRole::Server, TraceParent::root(), "a.B/C".into());
        Self { role, context, parent, method, begun, elapsed, code: Code::Ok, failure, subject, peer }
    }
}
