//! File of the signing keys beside the database, readable by its owner and the service's own groups only, with one PEM
//! block per key.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::file_lock::lock_within;
use kit::handover::{create_file, folder_of};
use kit::key_access::is_exposed;
use secrecy::zeroize::Zeroizing;

use super::key_access::inherit;
use crate::keys::model::{Key, Pkcs8};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Longest wait for another process that writes the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Failure to use the signing keys' file; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Other users can read the file.
    #[error(
        "{0} can be read by other users: run `chmod 600` on it (640 where the file's group is one of the service's own), and \
         replace the key if another user has read it"
    )]
    Open(PathBuf),
    /// The file contains something other than signing keys.
    #[error("{0} holds something other than Ed25519, P-256 and RSA keys in PKCS#8 PEM form: restore it from a backup")]
    Garbled(PathBuf),
    /// The target file exists and holds other keys.
    #[error("{0} is there already and holds another key: move it away, or copy to another path")]
    Another(PathBuf),
    /// Another process is writing the file.
    #[error("{0} is being written by another process: run this again once that has ended")]
    Busy(PathBuf),
    /// The file cannot be read or written.
    #[error("{0} cannot be used ({1}): make it and its folder readable and writable for this user")]
    Io(PathBuf, String),
    /// No key could be generated.
    #[error("no signing key could be made: the cryptographic library failed")]
    Generate,
}

/// File of the signing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile(PathBuf);

/// Key in the file.
pub struct FiledKey {
    /// Key.
    pub key: Arc<Key>,
    /// PKCS#8 document of the key.
    pub pkcs8: Pkcs8,
}

/// Lock that keeps other processes from writing the file until it is dropped.
#[derive(Debug)]
pub struct KeyFileLock(#[expect(dead_code, reason = "the open folder is the lock")] File);

impl KeyFile {
    /// Uses the file at this path.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Uses the file that belongs to this database file.
    pub fn beside(database: &Path) -> Self {
        Self(database.with_extension("key.pem"))
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the keys in the order of their addition; empty if there is no file.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do.
    pub fn read(&self) -> Result<Vec<FiledKey>, KeyFileError> {
        let mut file = match File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unusable(&error)),
        };
        let exposed = file.metadata().and_then(|found| is_exposed(&found, self.folder()));
        if exposed.map_err(|error| self.unusable(&error))? {
            return Err(KeyFileError::Open(self.0.clone()));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(|error| self.unusable(&error))?;
        let keys = blocks(&text).filter(|keys| !keys.is_empty());
        keys.ok_or_else(|| KeyFileError::Garbled(self.0.clone()))
    }

    /// Waits until no other process writes the file, and locks it.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do.
    pub async fn lock(&self) -> Result<KeyFileLock, KeyFileError> {
        // The lock is on the folder, because each write replaces the file.
        let folder = File::open(self.folder()).map_err(|error| self.unusable(&error))?;
        match lock_within(&folder, LOCK_TIMEOUT, || {}).await {
            Ok(true) => Ok(KeyFileLock(folder)),
            Ok(false) => Err(KeyFileError::Busy(self.0.clone())),
            Err(error) => Err(self.unusable(&error)),
        }
    }

    /// Adds a key, unless the file has it.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do; then the file is unchanged.
    pub fn add(&self, pkcs8: &Pkcs8, _lock: &KeyFileLock) -> Result<(), KeyFileError> {
        let mut all: Vec<_> = self.read()?.into_iter().map(|filed| filed.pkcs8).collect();
        if all.contains(pkcs8) {
            return Ok(());
        }
        all.push(pkcs8.clone());
        self.write(&all)
    }

    /// Removes the keys that `keep` rejects, and the file with its last key. Returns true if any key was removed.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do; then the file is unchanged.
    pub fn retain(&self, keep: impl Fn(&str) -> bool, _lock: &KeyFileLock) -> Result<bool, KeyFileError> {
        let all = self.read()?;
        let count = all.len();
        let kept: Vec<_> = all.into_iter().filter(|filed| keep(filed.key.id())).map(|filed| filed.pkcs8).collect();
        if kept.len() == count {
            return Ok(false);
        }
        if kept.is_empty() {
            fs::remove_file(&self.0).map_err(|error| self.unusable(&error))?;
            self.sync_folder().map_err(|error| self.unusable(&error))?;
        } else {
            self.write(&kept)?;
        }
        Ok(true)
    }

    /// Writes the file atomically: a crash leaves the old or the new content.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do.
    pub fn write(&self, keys: &[Pkcs8]) -> Result<(), KeyFileError> {
        let draft = self.0.with_extension("new");
        let write = || -> io::Result<()> {
            let mut file = create_anew(&draft)?;
            // An operator may write the file, and the service must still be able to read it.
            if let Some(before) = found(fs::metadata(&self.0))? {
                inherit(&file, &before)?;
            }
            for pkcs8 in keys {
                writeln!(file, "{BEGIN}\n{}\n{END}", *Zeroizing::new(STANDARD.encode(pkcs8)))?;
            }
            file.sync_all()?;
            fs::rename(&draft, &self.0)?;
            self.sync_folder()
        };
        write().map_err(|error| self.unusable(&error))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(self.folder())?.sync_all()
    }

    fn folder(&self) -> &Path {
        folder_of(&self.0)
    }

    fn unusable(&self, error: &io::Error) -> KeyFileError {
        KeyFileError::Io(self.0.clone(), error.kind().to_string())
    }
}

/// Creates a draft in place of one that a killed process has left. Follows no link: another user could have planted
/// one.
fn create_anew(draft: &Path) -> io::Result<File> {
    found(fs::remove_file(draft))?;
    create_file(draft)
}

/// Returns `None` if the file does not exist.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Parses a text that consists of key blocks only.
fn blocks(text: &str) -> Option<Vec<FiledKey>> {
    let (mut keys, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let (body, after) = rest.strip_prefix(BEGIN)?.split_once(END)?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        let pkcs8 = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
        keys.push(FiledKey { key: Arc::new(Key::from_pkcs8(&pkcs8)?), pkcs8 });
        rest = after.trim_start();
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;
    use crate::keys::model::KeyType;

    fn ids(file: &KeyFile) -> Vec<String> {
        file.read().unwrap().iter().map(|filed| filed.key.id().to_owned()).collect()
    }

    #[tokio::test]
    async fn keys_are_added_once_in_order() {
        let folder = testkit::folder();
        let file = KeyFile::beside(&folder.path().join("auth.db"));
        assert!(file.read().unwrap().is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "reading creates no file");
        let documents = KeyType::ALL.map(|of| Key::generate_pkcs8(of).unwrap());
        let lock = file.lock().await.unwrap();
        for document in documents.iter().chain(&documents) {
            file.add(document, &lock).unwrap();
        }
        let expected = documents.each_ref().map(|document| Key::from_pkcs8(document).unwrap().id().to_owned());
        assert_eq!(ids(&file), expected);
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        assert!(!file.retain(|_| true, &lock).unwrap());
        assert!(file.retain(|id| id != expected[1], &lock).unwrap());
        assert_eq!(ids(&file), [expected[0].clone(), expected[2].clone()]);
        assert!(file.retain(|_| false, &lock).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn writing_keeps_the_files_owner() {
        // Only root can change owners.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = testkit::folder();
        let file = KeyFile::beside(&folder.path().join("auth.db"));
        let lock = file.lock().await.unwrap();
        let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
        std::os::unix::fs::chown(folder.path(), Some(65532), Some(65533)).unwrap();
        for _ in 0..2 {
            file.add(&Key::generate_pkcs8(KeyType::default()).unwrap(), &lock).unwrap();
            assert_eq!(owner(file.path()), (65532, 65533));
        }
        std::os::unix::fs::chown(folder.path(), Some(0), Some(0)).unwrap();
        file.add(&Key::generate_pkcs8(KeyType::default()).unwrap(), &lock).unwrap();
        assert_eq!(owner(file.path()), (65532, 65533), "the file's owner takes precedence");
    }

    #[test]
    fn draft_follows_no_link() {
        let folder = testkit::folder();
        let (file, victim) = (KeyFile::beside(&folder.path().join("auth.db")), folder.path().join("victim"));
        fs::write(&victim, "untouched").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&victim, folder.path().join("auth.key.new")).unwrap();
        file.write(&[Key::generate_pkcs8(KeyType::default()).unwrap()]).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert_eq!(fs::metadata(&victim).unwrap().permissions().mode() & 0o777, 0o644);
        assert!(fs::symlink_metadata(file.path()).unwrap().is_file() && file.read().unwrap().len() == 1);
        // A readable draft of a killed process does not stop the write.
        fs::write(folder.path().join("auth.key.new"), "half").unwrap();
        file.write(&[Key::generate_pkcs8(KeyType::default()).unwrap()]).unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test(start_paused = true)]
    async fn second_writer_waits_and_then_fails() {
        let folder = testkit::folder();
        let file = KeyFile::beside(&folder.path().join("auth.db"));
        let first = file.lock().await.unwrap();
        assert!(matches!(file.lock().await, Err(KeyFileError::Busy(_))));
        drop(first);
        file.lock().await.unwrap();
    }

    #[test]
    fn exposed_or_garbled_file_is_refused() {
        let folder = testkit::folder();
        let file = KeyFile::beside(&folder.path().join("auth.db"));
        file.write(&[Key::generate_pkcs8(KeyType::default()).unwrap()]).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        for mode in [0o604, 0o644, 0o666] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(file.read(), Err(KeyFileError::Open(_))));
        }
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        let cut = &text[..text.len() - END.len() - 1];
        for garbled in ["", "\n", "not a key", cut, &format!("{text}{cut}"), &format!("{text}and more")] {
            fs::write(file.path(), garbled).unwrap();
            assert!(matches!(file.read(), Err(KeyFileError::Garbled(_))), "{garbled}");
            assert_eq!(fs::read_to_string(file.path()).unwrap(), garbled, "file unchanged");
        }
    }
}
