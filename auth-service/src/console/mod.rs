//! Client of the service for operators: the commands `users`, `api-keys`, `audit`, `token`, `login`, `logout` and
//! `whoami`. Each command is written once; its calls go over the wire, or to methods in this process on the database.

mod account;
mod api_keys;
mod ask;
mod audit;
mod bearer;
mod client;
mod command;
mod connection;
mod credentials;
mod login;
mod open;
mod pace;
mod record;
mod refusal;
mod rows;
mod token;
mod transport;
mod users;
mod whoami;

pub(crate) use ask::{PasswordSource, PasswordUse};
pub(crate) use client::Client;
pub use command::ConsoleCommand;
pub(crate) use command::Prepared;
pub use connection::CONSOLE_SECRETS;
pub(crate) use connection::{DatabasePlace, Way};
pub(crate) use open::open_service;
