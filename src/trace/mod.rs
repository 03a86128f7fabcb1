//! Traces across services, by the header `traceparent` of W3C Trace Context.
//!
//! A guarded call with this header is part of its caller's trace, and so is the request to the auth service that the
//! guard makes for it. The crate records no spans. A server with a tracer of its own can export the guard's
//! requests: see [`AuthServiceBuilder::report_requests`](crate::guard::AuthServiceBuilder::report_requests).

mod current;
mod parent;
mod request;

pub use current::{current, within};
pub use parent::{SpanId, TraceId, TraceParent};
pub use request::{RequestSpan, SpanReport};
