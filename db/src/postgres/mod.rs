//! PostgreSQL: a server that replicas share, and which may go away and come back at any time.

mod abandoned;
mod address;
mod dialer;
mod dials;
mod direct;
mod facts;
mod identity;
mod lease;
mod limit;
mod linger;
mod migrate;
mod open;
mod pace;
mod pool;
mod pooler;
mod primary;
mod retries;
mod select;
mod server_facts;
mod session;
mod steps;
mod time;
mod time_limits;
mod values;
mod write;

pub use lease::Lease;
pub use open::Postgres;
pub(crate) use primary::PrimaryConnection;
pub use retries::{ReadRetries, WriteRetries};
pub use session::SessionOptions;
