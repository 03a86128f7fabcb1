//! `gatepost copy`: copies one service's database with its signing key to another database of either engine.
//!
//! A copy is complete and verified, or leaves the target unchanged. A `CopySource` fills a `CopyTarget`; the `FilledTarget`
//! is committed.

mod applied;
mod batch;
mod connection;
mod digest;
mod error;
mod file;
mod key;
mod progress;
mod run;
mod say;
mod server;
mod source;
mod sql;
mod target;
mod value;

pub(crate) use run::{CopyFlags, run};
