//! Bounds what slow peers make the server keep in memory.

mod budget;
mod state;
#[cfg(test)]
mod tests;

pub(super) use budget::{Budget, MemoryAccount, Reservation};
pub use state::MemoryLimits;
