//! Bounds what slow peers make the server keep in memory.

mod budget;
mod state;
#[cfg(test)]
mod tests;

pub(super) use budget::{Account, Budget, Hold};
pub use state::MemoryLimits;
