//! The access policy: a rule for each method.

mod contract;
mod error;
mod option;
mod rule;
mod table;

pub use error::{PolicyError, RowFault, RuleFault};
pub use rule::{Predicate, Rule};
pub use table::Policy;
