//! PostgreSQL: a server that replicas share, which may go away and come back at any time.

mod lease;
mod migrate;
mod open;
mod pool;
mod suspicion;
mod tries;
mod write;

pub use lease::Lease;
pub use open::Postgres;
pub use tries::{Reads, Writes};
