//! SQLite: a file of this process alone, with one writer that commits in groups and a pool of readers.

mod files;
mod group;
mod job;
mod lock;
mod open;
#[cfg(feature = "testing")]
mod outsider;
mod writer;

pub use open::Sqlite;
#[cfg(feature = "testing")]
pub use outsider::Outsider;
