//! Span of one call, from its headers to the end of its answer.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use gatepost::Identity;
use gatepost::trace::{SpanId, TraceParent};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tracing::Level;
use tracing::field;

use super::SpanQueue;
use crate::codes::code_name;

/// Returns true if the log shows the event of each call.
pub(super) fn is_shown() -> bool {
    tracing::enabled!(target: "gatepost::call", Level::DEBUG)
}

/// Span of a running call.
#[derive(Debug)]
pub(crate) struct CallSpan {
    /// Own context of an exported span; otherwise the caller's, if it sent one.
    pub(super) context: Option<TraceParent>,
    pub(super) parent: Option<SpanId>,
    pub(super) begun: DateTime<Utc>,
    pub(super) peer: Option<SocketAddr>,
    /// Id from the caller or a proxy.
    pub(super) request_id: Option<String>,
    pub(super) identity: OnceLock<Identity>,
    pub(super) failure: OnceLock<CallFailure>,
    /// Queue of the exporter, if the span is exported.
    pub(super) queue: Option<SpanQueue>,
}

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
    /// Id by which the log names an internal error; otherwise the id that the caller gave to the request.
    pub request_id: Option<String>,
}

impl CallSpan {
    /// Returns the context of the work for this call.
    pub(crate) fn context(&self) -> Option<TraceParent> {
        self.context
    }

    /// Notes the caller.
    pub(crate) fn set_identity(&self, identity: Identity) {
        self.identity.get_or_init(|| identity);
    }

    /// Notes the reason of a failure.
    pub(crate) fn set_failure(&self, status: &Status) {
        self.failure.get_or_init(|| CallFailure {
            reason: status.get_details_error_info().map(|info| info.reason),
            request_id: status.get_details_request_info().map(|info| info.request_id),
        });
    }

    /// Ends the span: logs the event, and passes the span on to the exporter.
    pub(crate) fn end(&self, method: &Arc<str>, code: Code, elapsed: Duration) {
        let mut failure = self.failure.get().cloned().unwrap_or_default();
        failure.request_id = failure.request_id.or_else(|| self.request_id.clone());
        let subject = self.identity.get();
        if is_shown() {
            tracing::debug!(
                target: "gatepost::call",
                method = &**method,
                code = code_name(code),
                reason = failure.reason,
                subject = subject.map(|identity| &*identity.subject),
                peer = self.peer.map(field::display),
                request_id = failure.request_id,
                trace_id = self.context.map(|context| field::display(context.trace())),
                span_id = self.context.map(|context| field::display(context.span())),
                duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
                "call ended"
            );
        }
        if let (Some(queue), Some(context)) = (&self.queue, self.context) {
            let (method, subject, peer) = (Arc::clone(method), subject.cloned(), self.peer);
            let (role, parent, begun) = (SpanRole::Server, self.parent, self.begun);
            queue.push(SpanRecord { role, context, parent, method, begun, elapsed, code, failure, subject, peer });
        }
    }
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
