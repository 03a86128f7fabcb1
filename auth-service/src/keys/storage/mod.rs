//! Storage of private keys: a file beside the database, or the database itself, sealed by the master key.

mod error;
mod key_access;
mod key_copy;
mod key_file;
mod key_source;
mod key_storage;
mod master_key;

pub use error::{SigningKeyError, StorageError};
pub use key_copy::{KeyCopy, SealedHalf};
pub use key_file::{FiledKey, KeyFile, KeyFileError, KeyFileLock};
pub use key_source::KeySource;
pub(crate) use key_storage::generate;
pub(super) use key_storage::opened;
pub use key_storage::{KeyStorage, SEALED_KEY};
pub use master_key::{BadMasterKey, CannotOpen, MasterKey};
