//! Commands that an operator runs on the database, one file each.

mod admin;
mod clock;
mod keys;

pub use admin::{AdminCommand, AdminError};
pub use keys::KeysCommand;
