//! SQLite: a file of this process alone, with one writer that commits in groups and a pool of readers.

mod copy;
mod files;
mod group;
mod job;
mod lock;
mod open;
mod snapshot;
mod writer;

pub(super) use copy::{StillFile, check_integrity, has_table, lock_to_fill, open_still, open_to_fill};
pub use files::{RESTORING, beside, make_folder, remains};
pub use lock::FileLock;
pub use open::Sqlite;
pub use snapshot::{SnapshotError, check_snapshot, snapshot};
