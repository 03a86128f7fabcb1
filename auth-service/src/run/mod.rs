//! From the settings to a service that serves, and to its end.

mod error;
mod first_admin;
mod lost;
mod serve;
mod start;

pub use error::RunError;
pub use lost::DatabaseLost;
pub use serve::run;
