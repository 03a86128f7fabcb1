//! `gatepost admin`: accounts on the database, for the operator who is locked out of the service.

mod account;
mod command;
mod error;
mod password;

pub use command::AdminCommand;
pub use error::AdminError;
