//! A machine test: random calls of a store, answered alike by both engines and by a model in memory.

mod dice;
mod engines;
mod model;
mod plan;
mod play;

pub use dice::Dice;
pub use model::Machine;
pub use plan::{Found, Plan, seed};
pub use play::{lane, lanes};
