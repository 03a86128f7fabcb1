//! The guard's requests to the auth service as spans.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, Status};

use super::{SpanId, TraceParent, current};

/// A request of the guard to the auth service that has ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestSpan {
    /// The span of the request.
    pub span: TraceParent,
    /// The span of the call for which the guard made the request.
    pub parent: SpanId,
    /// The full name of the method, such as `gatepost.auth.v1.TokenService/VerifyToken`.
    pub method: &'static str,
    /// The time from the request to its answer.
    pub elapsed: Duration,
    /// The status code of the answer; `CANCELLED` if nothing waited for it any more.
    pub code: Code,
}

/// A function that gets the guard's requests. It must not block.
#[derive(Clone, Default)]
pub struct SpanReport(Option<Arc<dyn Fn(RequestSpan) + Send + Sync>>);

impl SpanReport {
    /// Wraps a function.
    pub fn new(report: impl Fn(RequestSpan) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(report)))
    }

    /// Starts a request of the current trace; `None` outside of a trace.
    ///
    /// Without a function the request is no span: its service is a child of the caller's span.
    pub(crate) fn start(&self, method: &'static str) -> Option<OpenRequest> {
        let parent = current()?;
        let report = self.0.clone().filter(|_| parent.is_sampled());
        let span = if report.is_some() { parent.child() } else { parent };
        let begun = Instant::now();
        Some(OpenRequest { report, span, parent: parent.span(), method, begun, code: Code::Cancelled })
    }
}

impl fmt::Debug for SpanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpanReport").field(&self.0.is_some()).finish()
    }
}

/// A request without an answer so far. It is reported when it is dropped.
pub(crate) struct OpenRequest {
    report: Option<Arc<dyn Fn(RequestSpan) + Send + Sync>>,
    span: TraceParent,
    parent: SpanId,
    method: &'static str,
    begun: Instant,
    code: Code,
}

impl OpenRequest {
    /// Returns the span for the header of the request.
    pub(crate) fn span(&self) -> TraceParent {
        self.span
    }

    /// Sets the code of the answer.
    pub(crate) fn set_answer<T>(&mut self, answer: &Result<T, Status>) {
        self.code = answer.as_ref().map_or_else(Status::code, |_| Code::Ok);
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let Self { report, span, parent, method, begun, code } = self;
        if let Some(report) = report {
            let (span, parent, method, code) = (*span, *parent, *method, *code);
            report(RequestSpan { span, parent, method, elapsed: begun.elapsed(), code });
        }
    }
}
