//! The life of the service: start from the settings, serving, end.

mod alone;
mod app_metrics;
mod console;
mod error;
mod first_admin;
mod lost;
mod lost_commits;
mod offline;
mod program;
mod serve;
mod start;

pub use console::run_console;
pub use error::AuthRunError;
pub use lost::DatabaseLost;
pub use program::run_command_line;
pub use serve::run;
