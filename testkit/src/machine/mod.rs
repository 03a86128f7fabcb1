//! Machine tests: random calls of a store. Both engines and a model in memory must give the same answers.

mod dice;
mod engines;
mod model;
mod plan;
mod play;

pub use dice::Dice;
pub use model::Machine;
pub use plan::{Found, MachinePlan, seed};
pub use play::{lane, lanes};
