//! The blog service: posts behind the guard.

pub mod api;
mod app;
mod config;
mod convert;
pub mod domain;
mod error;
mod policy;
mod rpc;
mod run;
mod secrets;
pub mod store;

pub use config::{AuthTlsFlags, BlogConfig, BlogFlags, LimitFlags, TlsFlags};
pub use run::{BlogRunError, run};
pub use secrets::SECRETS;
