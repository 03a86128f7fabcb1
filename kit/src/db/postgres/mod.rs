//! PostgreSQL: a server that replicas share, which may go away and come back at any time.

mod copy;
mod lease;
mod migrate;
mod open;
mod pool;
mod suspicion;
mod time;
mod tries;
mod write;

pub(super) use copy::{Mark, connect_to_copy, has_table, migrate_to_fill, services_at};
pub use lease::Lease;
pub use open::Postgres;
pub use tries::{Reads, Writes};
