//! Operations port, over HTTP: liveness, readiness, and the service's own endpoints.

mod endpoints;
mod limits;
mod messages;
mod metrics;
mod readiness;
mod server;

pub use endpoints::{Endpoint, Endpoints};
pub use limits::OpsLimits;
pub use messages::{EndpointRequest, EndpointResponse};
pub use metrics::Metrics;
pub use server::{OpsListener, run_with_port};
