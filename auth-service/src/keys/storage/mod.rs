//! The places of private keys: a file beside the database, or the database itself, sealed by the master key.

mod custody;
mod error;
mod key_access;
mod key_copy;
mod key_file;
mod key_source;
mod master_key;

pub(crate) use custody::generate;
pub(super) use custody::{Row, opened};
pub use error::StorageError;
pub use key_copy::{KeyCopy, PrivateHalf};
pub use key_file::{FiledKey, KeyFile, KeyFileError, KeyFileLock, Pkcs8};
pub use key_source::{Custody, KeySource, SEALED_KEY, SigningKeyError};
pub use master_key::{BadMasterKey, CannotOpen, MasterKey};
