//! SQLite: a file that only this process uses, with one writer that commits in groups and a pool of readers.

mod direct;
mod facts;
mod files;
mod group;
mod job;
mod lock;
mod loss;
mod measure;
mod open;
mod witness;
mod writer;

pub use direct::{check_integrity, open_to_fill};
pub use files::{RESTORING, beside, make_file, make_folder, remains};
pub use lock::FileLock;
pub use open::Sqlite;
pub use witness::{LossSign, loss_sign};
