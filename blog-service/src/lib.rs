//! Posts, behind the guard.

mod config;
mod convert;
pub mod domain;
mod error;
mod policy;
mod rpc;
mod run;
pub mod store;

pub use config::{Config, Flags};
pub use run::{RunError, run};
