//! SQLite: a file that only this process uses, with one writer that commits in groups and a pool of readers.

mod direct;
mod facts;
mod files;
mod first;
mod group;
mod job;
mod limits;
mod lock;
mod loss;
mod measure;
mod open;
mod places;
mod readers;
mod rows;
mod watcher;
mod witness;
mod writer;

pub use direct::{check_integrity, open_to_fill};
pub use files::{RESTORING, beside, make_file, make_folder, remains};
pub use job::HeldByWrite;
pub use lock::FileLock;
pub use open::Sqlite;
pub use readers::ReaderLease;
pub(crate) use watcher::FileWatcher;
pub use witness::{LossSign, WitnessReading};
