//! The life of the service: start from the settings, serving, end.

mod alone;
mod app_metrics;
mod error;
mod first_admin;
mod lost;
mod serve;
mod start;

pub use alone::run_alone;
pub use error::AuthRunError;
pub use lost::DatabaseLost;
pub use serve::run;
