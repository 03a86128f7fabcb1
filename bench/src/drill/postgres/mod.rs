//! `bench drill postgres`: the database goes away in every way and comes back.

mod fault;
mod round;
mod run;

pub use fault::Fault;
pub(super) use run::database;
pub use run::{Drill, Plan};
