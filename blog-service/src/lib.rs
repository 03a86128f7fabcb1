//! The blog service: posts behind the guard.

pub mod api;
mod app;
mod commands;
mod config;
mod convert;
pub mod domain;
mod error;
mod policy;
mod rpc;
mod run;
mod scheduler;
mod secrets;
pub mod store;

pub use commands::{AuthPeer, BlogGreeting, check_blog};
pub use config::{AuthTlsFlags, BlogCommand, BlogConfig, BlogFlags, LimitFlags, TlsFlags};
pub use run::{BlogRunError, run, run_command_line};
pub use secrets::SECRETS;
