//! PostgreSQL: a server that replicas share, which may go away and come back at any time.

mod address;
mod debts;
mod dialer;
mod dials;
mod direct;
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

pub use follower::Follower;
pub use lease::Lease;
pub use open::Postgres;
pub use session::Opening;
pub use tries::{Reads, Writes};
