//! Limits of the memory that the server holds for slow peers.

mod budget;
mod state;
#[cfg(test)]
mod tests;

pub(super) use budget::{Budget, MemoryAccount, Reservation};
pub use state::MemoryLimits;
