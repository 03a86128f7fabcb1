//! The command line, and the operator's commands on the database, one file each.

mod admin;
mod clock;
mod command_line;
mod database;
mod keys;

pub use admin::{AdminCommand, AdminError};
pub use command_line::{AuthCommand, CommandLine};
pub use keys::KeysCommand;
