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
use uuid::Uuid;

use super::{CallFailure, SpanQueue, SpanRecord, SpanRole};
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
    pub(super) request_id: Option<Uuid>,
    pub(super) identity: OnceLock<Identity>,
    pub(super) failure: OnceLock<CallFailure>,
    /// Queue of the exporter, if the span is exported.
    pub(super) queue: Option<SpanQueue>,
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
        failure.request_id = failure.request_id.or_else(|| Some(self.request_id?.to_string()));
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
