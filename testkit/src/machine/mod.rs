//! A machine test: random calls of a store, answered alike by both engines and by a model in memory.

mod dice;
mod engines;
mod plan;
mod play;

pub use dice::Dice;
pub use plan::{Found, Plan, seed};
pub use play::{Machine, lane, lanes};
