//! The auth service: users, sessions, signing keys, tokens and their introspection.

mod app;
mod audit;
mod commands;
mod config;
mod console;
mod convert;
mod discovery;
pub mod domain;
mod error;
pub mod feed;
pub mod keys;
mod passwords;
mod policy;
mod repaired;
mod rpc;
mod run;
mod stamp;
pub mod store;
mod sweep;
pub mod tokens;
pub mod view;

pub use commands::{AdminCommand, AdminError, AuthCommand, AuthGreeting, CommandLine, KeysCommand, check_auth};
pub use config::{
    AttemptFlags, AuditFlags, AuthConfig, AuthFlags, ClockFlags, KeyFlags, LimitFlags, ProxyFlags, QuotaFlags,
    RefreshFlags, Registration, SECRETS, ServiceKey, SigningSettings, StartFacts, TlsFlags,
};
pub use console::{CONSOLE_SECRETS, ConsoleCommand};
pub use passwords::{HashError, Hasher};
pub use run::{AuthRunError, DatabaseLost, run, run_command_line, run_console};
