//! SQLite: a file of this process alone, with one writer that commits in groups and a pool of readers.

mod copy;
mod files;
mod group;
mod job;
mod lock;
mod open;
#[cfg(feature = "testing")]
mod outsider;
mod writer;

pub use copy::{CopyError, check_copy, copy_file};
pub use files::{RESTORING, beside, make_folder, remains};
pub use lock::FileLock;
pub use open::Sqlite;
#[cfg(feature = "testing")]
pub use outsider::Outsider;
