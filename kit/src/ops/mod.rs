//! The operations port: whether the process lives, whether it can write, and what a service shows there, over HTTP.

mod answer;
mod board;
mod limits;
mod metrics;
mod readiness;
mod server;

pub use answer::{Answer, Ask};
pub use board::{Board, Page};
pub use limits::Limits;
pub use metrics::Metrics;
pub use server::beside;
