//! PostgreSQL: a server that replicas share, which may go away and come back at any time.

mod address;
mod copy;
mod debts;
mod dialer;
mod dials;
mod facts;
mod follower;
mod lease;
mod limit;
mod linger;
mod migrate;
mod open;
mod origin;
mod pace;
mod pool;
mod pooler;
mod session;
mod steps;
mod time;
mod times;
mod tries;
mod write;

pub(super) use copy::{Mark, connect_to_copy, has_table, migrate_to_fill, services_at};
pub use follower::Follower;
pub use lease::Lease;
pub use open::Postgres;
pub use session::Opening;
pub use tries::{Reads, Writes};
