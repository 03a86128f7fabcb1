//! `bench drill postgres`: the database goes away in every way and comes back.

mod fault;
mod rig;
mod round;
mod run;

pub use fault::PostgresFault;
pub use rig::PostgresDrill;
pub(super) use rig::database;
pub use run::PostgresPlan;
