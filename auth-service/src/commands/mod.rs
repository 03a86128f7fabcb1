//! The command line, and the operator's commands on the database, one file each.

mod admin;
mod admins;
mod clock;
mod command_line;
mod database;
mod doctor;
mod greeting;
mod keys;

pub use admin::{AdminCommand, AdminError};
pub(crate) use admins::has_admin;
pub(crate) use clock::{check as check_clock, measured as measured_clock};
pub use command_line::{AuthCommand, CommandLine};
pub use doctor::check_auth;
pub use greeting::AuthGreeting;
pub use keys::KeysCommand;
