//! The access table: which method asks for what.

mod contract;
mod error;
mod option;
mod table;

pub use error::{PolicyError, RuleFault};
pub use table::{Policy, Rule};
