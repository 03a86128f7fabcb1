//! Source of the signing key. The settings choose it before anything is opened, so that a start that cannot sign writes
//! nothing.

use super::{KeyFile, KeyStorage, MasterKey, SigningKeyError};
use crate::keys::model::Key;

/// Source of the signing key.
pub enum KeySource {
    /// `JWT_SECRET_KEY`; key pairs are ignored.
    Secret(Key),
    /// Key pairs in this storage.
    Pairs(KeyStorage),
}

impl KeySource {
    /// Chooses the source by the settings. `file` is the key file beside the database; `None` on PostgreSQL, since its
    /// replicas share no folder.
    ///
    /// # Errors
    /// [`SigningKeyError::NoSetting`].
    pub fn choose(
        secret: Option<Key>,
        master: Option<MasterKey>,
        file: Option<KeyFile>,
    ) -> Result<Self, SigningKeyError> {
        match (secret, master, file) {
            (Some(key), _, _) => Ok(Self::Secret(key)),
            (None, Some(master), file) => Ok(Self::Pairs(KeyStorage::Sealed { master, file })),
            (None, None, Some(file)) => Ok(Self::Pairs(KeyStorage::File(file))),
            (None, None, None) => Err(SigningKeyError::NoSetting),
        }
    }
}
