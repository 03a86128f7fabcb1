//! Serves gRPC with every limit that tonic leaves open.

mod envelope;
mod limits;
mod run;
mod transport;

pub use limits::{Limits, MethodDeadlines};
pub use run::{Parts, ServeError, serve};
