//! Owns the users, issues tokens and says what they are worth.

mod admin;
mod app;
mod config;
mod convert;
mod discovery;
pub mod domain;
mod error;
pub mod feed;
pub mod keyring;
mod operator_clock;
mod passwords;
mod policy;
mod rpc;
mod run;
mod stamp;
pub mod store;
mod sweep;
pub mod tokens;
pub mod view;

pub use admin::{AdminCommand, AdminError};
pub use config::{
    AttemptFlags, ClockFlags, Command, CommandClockFlags, Config, DatabaseFlags, Flags, KeyFlags, ProxyFlags,
    QuotaFlags, RefreshFlags, Registration, SECRETS, SigningSettings,
};
pub use passwords::{HashError, Hasher};
pub use run::{DatabaseLost, RunError, run};
