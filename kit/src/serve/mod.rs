//! Serves gRPC with every limit that tonic leaves open.

mod elsewhere;
mod envelope;
mod health;
mod limits;
mod run;
mod transport;

pub use elsewhere::Elsewhere;
pub use health::Look;
pub use limits::{Limits, MethodDeadlines};
pub use run::{Parts, ServeError, serve};
