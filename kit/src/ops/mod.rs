//! The operations port: whether the process lives, whether it can write, and what a service shows there, over HTTP.

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
pub use server::run_with_port;
