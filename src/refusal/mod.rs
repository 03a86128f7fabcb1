//! Refusals: what the guard tells a caller that it does not let in, and what it counts.

mod denial;
mod header_fault;
mod reason;

pub use denial::Denial;
pub use header_fault::{Fault, HeaderFault, TokenHeader};
pub use reason::Refusal;
