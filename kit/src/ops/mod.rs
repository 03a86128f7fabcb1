//! Operations port, over HTTP: liveness, readiness, and the service's own endpoints.

mod endpoints;
mod limits;
mod log_level;
mod messages;
mod metrics;
mod readiness;
mod server;

pub use endpoints::{Endpoint, Endpoints};
pub use limits::OpsLimits;
pub use log_level::log_level;
pub use messages::{EndpointRequest, EndpointResponse};
pub use metrics::Metrics;
pub use server::{OpsListener, run_with_port};
