//! The signing key's file beside the database: made at the first start, readable by its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;

use super::signing_key::SigningKey;
use super::{Key, KeyType};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Why the signing key's file cannot be used: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Others may read it.
    #[error("{0} can be read by other users: run `chmod 600` on it, and replace the key if somebody has")]
    Open(PathBuf),
    /// It holds no key that could sign.
    #[error(
        "{0} holds no Ed25519, P-256 or RSA key in PKCS#8 PEM form: restore it from a backup, or remove it to log everybody out"
    )]
    Garbled(PathBuf),
    /// It is where a copy of another key belongs.
    #[error("{0} is there already and holds another key: move it away, or copy to another path")]
    Another(PathBuf),
    /// It cannot be read or written.
    #[error("{0} cannot be used ({1}): make it and its folder readable and writable for this user")]
    Io(PathBuf, String),
    /// No key could be made.
    #[error("no signing key could be made: the cryptographic library failed")]
    Generate,
}

/// Where the signing key lies beside a database's file.
pub fn key_file(database: &Path) -> PathBuf {
    database.with_extension("key.pem")
}

impl Key {
    /// The key in the file at `path`; makes both when there is no file.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do.
    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        let pkcs8 = match Self::pkcs8_from_file(path)? {
            Some(found) => found,
            None => make(path)?,
        };
        Self::from_pkcs8(&pkcs8).ok_or_else(|| KeyFileError::Garbled(path.to_owned()))
    }

    /// The PKCS#8 document in the file at `path`, after the same checks; `None` when there is no file.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do.
    pub fn pkcs8_from_file(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyFileError> {
        match fs::metadata(path) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => return Err(KeyFileError::Open(path.to_owned())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(path, &error)),
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| unusable(path, &error))?);
        let pkcs8 = decode(&text).filter(|pkcs8| Self::from_pkcs8(pkcs8).is_some());
        pkcs8.map(Some).ok_or_else(|| KeyFileError::Garbled(path.to_owned()))
    }

    /// A new key's PKCS#8 document, which [`Key::from_pkcs8`] reads.
    ///
    /// # Errors
    /// [`KeyFileError::Generate`].
    pub fn generate_pkcs8(of: KeyType) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        SigningKey::generate_pkcs8(of).map_err(|_| KeyFileError::Generate)
    }
}

/// Writes a new key.
fn make(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let pkcs8 = Key::generate_pkcs8(KeyType::default())?;
    write(path, &pkcs8)?;
    Ok(pkcs8)
}

/// Writes a key so that a crash leaves either no file or a whole one.
pub(super) fn write(path: &Path, pkcs8: &[u8]) -> Result<(), KeyFileError> {
    let draft = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        writeln!(file, "{BEGIN}\n{}\n{END}", *Zeroizing::new(STANDARD.encode(pkcs8)))?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|error| unusable(path, &error))
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
}

fn unusable(path: &Path, error: &io::Error) -> KeyFileError {
    KeyFileError::Io(path.to_owned(), error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_for_its_owner() {
        let folder = kit::testing::folder();
        let path = folder.path().join("auth-signing-key.pem");
        let first = Key::from_file(&path).unwrap();
        assert_eq!(Key::from_file(&path).unwrap().id(), first.id());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn the_keys_document_is_read_and_none_is_made() {
        let folder = kit::testing::folder();
        let path = folder.path().join("key.pem");
        assert!(Key::pkcs8_from_file(&path).unwrap().is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let key = Key::from_file(&path).unwrap();
        let pkcs8 = Key::pkcs8_from_file(&path).unwrap().unwrap();
        assert_eq!(Key::from_pkcs8(&pkcs8).unwrap().id(), key.id());
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_garbled_is_refused() {
        let folder = kit::testing::folder();
        let path = folder.path().join("key.pem");
        Key::from_file(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Key::from_file(&path), Err(KeyFileError::Open(_))));
        assert!(matches!(Key::pkcs8_from_file(&path), Err(KeyFileError::Open(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "not a key").unwrap();
        assert!(matches!(Key::from_file(&path), Err(KeyFileError::Garbled(_))));
        assert!(matches!(Key::pkcs8_from_file(&path), Err(KeyFileError::Garbled(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key", "nothing is lost");
    }
}
