//! Moves a service's database to another one, of either engine: all of it or nothing, read back before it counts.
//!
//! A [`Source`] is opened, a [`Target`] is opened for what the source is, [filled](Target::fill) from it, and what has been
//! [`Filled`] may be committed.

mod applied;
mod batch;
mod connection;
mod digest;
mod error;
mod progress;
mod schema;
mod source;
mod target;
mod value;

pub use digest::Digest;
pub use error::CopyError;
pub use progress::Progress;
pub use schema::{Column, Kind, Schema, Table};
pub use source::Source;
pub use target::{Filled, Supplement, Target};
