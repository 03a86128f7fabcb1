//! Start of the span of each call.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use gatepost::trace::{RequestSpan, SpanReport, TraceParent};
use http::HeaderMap;

use super::span::is_shown;
use super::{CallFailure, CallSpan, SpanQueue, SpanRecord, SpanRole, request_id};
use crate::Clock;

/// Maker of the spans of a server. The default exports none.
#[derive(Clone, Debug, Default)]
pub struct CallTracer {
    clock: Clock,
    /// Queue of the exporter, if spans are exported.
    spans: Option<SpanQueue>,
}

impl CallTracer {
    /// Creates a tracer whose ended spans go into this queue, if there is one.
    pub fn new(clock: Clock, spans: Option<SpanQueue>) -> Self {
        Self { clock, spans }
    }

    /// Starts the span of a call with these headers. Returns `None` if spans are not exported and calls are not logged.
    ///
    /// A call without `traceparent` begins a trace, and an exported span replaces the header: requests for this call,
    /// such as the guard's, are its children. A caller that does not record its trace is not recorded here either.
    pub(crate) fn start(&self, headers: &mut HeaderMap, peer: Option<SocketAddr>) -> Option<Arc<CallSpan>> {
        if self.spans.is_none() && !is_shown() {
            return None;
        }
        let parent = TraceParent::from_headers(headers);
        let queue = self.spans.clone().filter(|_| parent.is_none_or(TraceParent::is_sampled));
        let context = match &queue {
            Some(_) => Some(parent.map_or_else(TraceParent::root, TraceParent::child)),
            None => parent,
        };
        if let Some(context) = context.filter(|_| queue.is_some()) {
            context.insert_into(headers);
        }
        let (request_id, begun) = (request_id::from_headers(headers), self.clock.now());
        let (identity, failure) = Default::default();
        let parent = parent.map(TraceParent::span);
        Some(Arc::new(CallSpan { context, parent, begun, peer, request_id, identity, failure, queue }))
    }

    /// Returns the function that records the guard's requests to the auth service as spans; `None` if spans are not
    /// exported.
    pub fn request_report(&self) -> Option<SpanReport> {
        let (queue, clock) = (self.spans.clone()?, self.clock.clone());
        let report = move |request: RequestSpan| {
            let elapsed = TimeDelta::from_std(request.elapsed).unwrap_or_default();
            queue.push(SpanRecord {
                role: SpanRole::Client,
                context: request.span,
                parent: Some(request.parent),
                method: request.method.into(),
                begun: clock.now() - elapsed,
                elapsed: request.elapsed,
                code: request.code,
                failure: CallFailure::default(),
                subject: None,
                peer: None,
            });
        };
        Some(SpanReport::new(report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(parent: Option<TraceParent>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(parent) = parent {
            parent.insert_into(&mut headers);
        }
        headers
    }

    #[test]
    fn tracer_without_a_queue_starts_no_span() {
        let parent = TraceParent::root();
        let mut sent = headers(Some(parent));
        assert!(CallTracer::default().start(&mut sent, None).is_none());
        assert_eq!(TraceParent::from_headers(&sent), Some(parent), "the request is unchanged");
    }

    #[test]
    fn exported_span_takes_the_place_of_its_parent() {
        let tracer = CallTracer::new(Clock::system(), Some(SpanQueue::default()));
        for parent in [None, Some(TraceParent::root())] {
            let mut sent = headers(parent);
            let span = tracer.start(&mut sent, None).unwrap();
            let own = TraceParent::from_headers(&sent).unwrap();
            assert_eq!((span.context(), span.parent), (Some(own), parent.map(TraceParent::span)));
            assert!(parent.is_none_or(|parent| parent.trace() == own.trace() && parent != own), "{own}");
        }
    }
}
