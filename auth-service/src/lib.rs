//! Owns the users, issues tokens and says what they are worth.

mod commands;
mod config;
mod convert;
mod discovery;
pub mod domain;
mod error;
pub mod feed;
pub mod keys;
mod lost;
mod passwords;
mod policy;
mod quotas;
mod repair;
mod repaired;
mod rpc;
mod run;
mod stamp;
mod start;
mod state;
pub mod store;
mod sweep;
pub mod tokens;
pub mod view;

pub use commands::{AdminCommand, AdminError, Command, CommandLine, KeysCommand};
pub use config::{
    AttemptFlags, ClockFlags, Config, Flags, KeyFlags, ProxyFlags, QuotaFlags, RefreshFlags, Registration, SECRETS,
    SigningSettings,
};
pub use lost::DatabaseLost;
pub use passwords::{HashError, Hasher};
pub use run::{RunError, run};
