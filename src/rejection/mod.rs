//! Rejections of calls: their causes, and the statuses of the guard.

mod header_fault;
mod inactive_reason;
mod reason;

pub use header_fault::{HeaderFault, TokenFormFault, TokenHeader};
pub use inactive_reason::InactiveReason;
pub use reason::Rejection;
