//! `gatepost copy`: moves one service's database to another one, of either engine, with the signing key: all of it or
//! nothing, read back before it counts.
//!
//! A `Source` is opened, a `Target` is opened for what the source is and filled from it, and what has been `Filled` may be
//! committed.

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
