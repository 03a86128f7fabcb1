//! Storage of private halves: sealed in the database, or in a file beside it.

use std::sync::Arc;

use db::patiently;
use db::secrets;

use super::{FiledKey, KeyFile, KeyFileError, KeyFileLock, MasterKey, SigningKeyError, StorageError};
use crate::domain::SigningKeyRecord;
use crate::keys::model::{Key, KeyType, Pkcs8};
use crate::store::{AuthStore, KeyRow};

/// Name under which earlier versions stored their single key in the database; its seal is bound to this name.
pub const SEALED_KEY: &str = "signing-key";

/// Storage of private halves.
pub enum KeyStorage {
    /// Sealed in the database.
    Sealed {
        /// Key that seals them.
        master: MasterKey,
        /// File that may have held them before.
        file: Option<KeyFile>,
    },
    /// In a file beside the database.
    File(KeyFile),
}

/// A private half that has been stored.
pub(in crate::keys) enum SavedHalf {
    /// The row of the key holds it in this sealed form.
    Sealed(Vec<u8>),
    /// The file holds it. While the lock is held, no other process removes the key because its row is missing.
    Filed { _lock: KeyFileLock },
}

impl SavedHalf {
    /// Returns the sealed form for the row.
    pub(in crate::keys) fn sealed(&self) -> Option<&[u8]> {
        match self {
            Self::Sealed(sealed) => Some(sealed),
            Self::Filed { .. } => None,
        }
    }
}

impl KeyStorage {
    /// Returns the document of the first key: the one that an earlier version left, or a new one.
    pub(in crate::keys) async fn first(&self, store: &AuthStore, key_type: KeyType) -> Result<Pkcs8, StorageError> {
        let old = patiently(|| secrets::find(store.db(), SEALED_KEY)).await?;
        let file = match (self, old) {
            (Self::Sealed { master, .. }, Some(old)) => return Ok(opened(master, SEALED_KEY, &old)?.1),
            (Self::File(_), Some(_)) => return Err(SigningKeyError::NoMasterKey.into()),
            (Self::Sealed { file, .. }, None) => file.as_ref(),
            (Self::File(file), None) => Some(file),
        };
        let filed = file.map(KeyFile::read).transpose()?.unwrap_or_default();
        // Takes the newest key of the file. The others may have been retired in a database that was lost.
        match filed.into_iter().next_back() {
            Some(youngest) => Ok(youngest.pkcs8),
            None => Ok(generate(key_type).await?),
        }
    }

    /// Stores a key's private half, or seals it for the key's row.
    pub(in crate::keys) async fn save(&self, key: &Key, pkcs8: &Pkcs8) -> Result<SavedHalf, KeyFileError> {
        match self {
            Self::Sealed { master, .. } => Ok(SavedHalf::Sealed(master.seal(key.id(), pkcs8))),
            Self::File(file) => {
                let lock = file.lock().await?;
                file.add(pkcs8, &lock)?;
                Ok(SavedHalf::Filed { _lock: lock })
            }
        }
    }

    /// Checks that the key with this id can be opened, and changes nothing.
    ///
    /// # Errors
    /// [`SigningKeyError`], which says what to do.
    pub fn check(&self, id: &str, sealed: Option<&[u8]>) -> Result<(), SigningKeyError> {
        self.open(id, sealed).map(drop)
    }

    /// Returns a text about the place of the private halves.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sealed { .. } => "sealed in the database by AUTH_MASTER_KEY",
            Self::File(_) => "in a file beside the database, which only the service can read",
        }
    }

    /// Opens the key with this id from `sealed`, its private half in the row.
    pub(in crate::keys) fn open(&self, id: &str, sealed: Option<&[u8]>) -> Result<Arc<Key>, SigningKeyError> {
        match (self, sealed) {
            (Self::Sealed { master, .. }, Some(sealed)) => {
                let (key, _) = opened(master, id, sealed)?;
                if key.id() == id { Ok(Arc::new(key)) } else { Err(SigningKeyError::Garbled) }
            }
            (Self::Sealed { file, .. }, None) => {
                let filed = file.as_ref().map(KeyFile::read).transpose()?.unwrap_or_default();
                Err(match (find(filed, id), file) {
                    (Some(_), Some(file)) => {
                        SigningKeyError::Unsealed { id: id.to_owned(), file: file.path().to_owned() }
                    }
                    _ => SigningKeyError::Gone(id.to_owned()),
                })
            }
            (Self::File(_), Some(_)) => Err(SigningKeyError::NoMasterKey),
            (Self::File(file), None) => {
                let filed = find(file.read()?, id).map(|filed| filed.key);
                filed.ok_or_else(|| SigningKeyError::Lost { id: id.to_owned(), file: file.path().to_owned() })
            }
        }
    }

    /// Seals the keys that are still in a file, so that users stay logged in when a master key is set. Removes the key
    /// of an earlier version.
    pub(in crate::keys) async fn take_over(
        &self,
        store: &AuthStore,
        rows: &[KeyRow],
        is_kept: impl Fn(&SigningKeyRecord) -> bool,
    ) -> Result<(), StorageError> {
        let Self::Sealed { master, file } = self else { return Ok(()) };
        let unsealed: Vec<_> = rows.iter().filter(|row| row.sealed.is_none() && is_kept(&row.record)).collect();
        if !unsealed.is_empty()
            && let Some(file) = file
        {
            for filed in file.read()? {
                let id = filed.key.id();
                if unsealed.iter().any(|row| row.record.id == id) {
                    let sealed = master.seal(id, &filed.pkcs8);
                    patiently(|| store.seal_signing_key(id, &sealed)).await?;
                }
            }
        }
        if patiently(|| secrets::find(store.db(), SEALED_KEY)).await?.is_some() {
            patiently(|| secrets::forget(store.db(), SEALED_KEY)).await?;
        }
        Ok(())
    }

    /// Warns about an unneeded file, after all of its keys were opened elsewhere.
    pub(in crate::keys) fn warn_of_old_file(&self) {
        if let Self::Sealed { file: Some(file), .. } = self
            && file.path().exists()
        {
            tracing::warn!(file = %file.path().display(), "the signing key is sealed in the database now: remove the file");
        }
    }

    /// Removes unneeded private halves from the file: those that `is_kept` rejects, and those without a row.
    pub(in crate::keys) async fn tidy(
        &self,
        store: &AuthStore,
        is_kept: impl Fn(&SigningKeyRecord) -> bool,
    ) -> Result<(), StorageError> {
        let Self::File(file) = self else { return Ok(()) };
        let lock = file.lock().await?;
        let rows = store.signing_keys().await?;
        let is_needed = |id: &str| rows.iter().any(|row| row.record.id == id && is_kept(&row.record));
        if !rows.is_empty() {
            file.retain(is_needed, &lock)?;
        }
        Ok(())
    }
}

/// Generates a key with an id that cannot be mistaken for a flag on a command line. An RSA key takes a second.
pub(crate) async fn generate(key_type: KeyType) -> Result<Pkcs8, SigningKeyError> {
    let made = tokio::task::spawn_blocking(move || {
        loop {
            let pkcs8 = Key::generate_pkcs8(key_type).map_err(|_| KeyFileError::Generate)?;
            let key = Key::from_pkcs8(&pkcs8).ok_or(KeyFileError::Generate)?;
            if !key.id().starts_with('-') {
                return Ok(pkcs8);
            }
        }
    });
    Ok(made.await.unwrap_or(Err(KeyFileError::Generate))?)
}

/// Opens a key that was sealed with this master key under this name.
pub(in crate::keys) fn opened(master: &MasterKey, name: &str, sealed: &[u8]) -> Result<(Key, Pkcs8), SigningKeyError> {
    let pkcs8 = master.open(name, sealed)?;
    let key = Key::from_pkcs8(&pkcs8).ok_or(SigningKeyError::Garbled)?;
    Ok((key, pkcs8))
}

fn find(filed: Vec<FiledKey>, id: &str) -> Option<FiledKey> {
    filed.into_iter().find(|filed| filed.key.id() == id)
}
