//! From the settings to a service that serves, and to its end.

mod lost;
mod serve;
mod start;

pub use lost::DatabaseLost;
pub use serve::{RunError, run};
