//! Bounds what slow peers make the server keep in memory.

mod budget;
mod hold;
#[cfg(test)]
mod tests;

pub use budget::MemoryLimits;
pub(super) use budget::{Account, Budget};
pub(super) use hold::Hold;
