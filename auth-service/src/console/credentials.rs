//! Credentials of logins, in a file that only its user can read.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::cli::{CommandFailure, FailureKind};
use kit::config::{ConfigError, Environment};
use kit::file_lock::lock_within;
use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

/// Name of the file with the credentials, and of the file whose lock orders its changes.
const FILE: &str = "credentials.json";
const LOCK: &str = "credentials.lock";

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Longest wait for another command that renews a credential: longer than its request takes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(45);

/// Permission bits of the group and of other users.
const OTHERS_BITS: u32 = 0o077;

/// Permission bits that let the group and other users change a folder.
const OTHERS_WRITE_BITS: u32 = 0o022;

/// Credentials by the URL of the service. The type has no `Debug`, so that no log shows them.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Credentials {
    /// URL of the latest login.
    pub(super) default: Option<String>,
    pub(super) logins: BTreeMap<String, StoredLogin>,
}

/// Credential of one login.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct StoredLogin {
    pub(super) user_id: String,
    pub(super) email: String,
    pub(super) access_token: String,
    /// End of the access token, in seconds since 1970.
    pub(super) access_expire_time: i64,
    pub(super) refresh_token: String,
    /// Audiences of the tokens; empty for those of the service's settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) audiences: Vec<String>,
    /// TLS files of the login, with absolute paths.
    #[serde(default)]
    pub(super) tls: StoredTls,
}

/// TLS flags of a login.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct StoredTls {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ca: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_cert: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_key: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) server_name: Option<String>,
}

/// Folder with the credentials of this machine's user.
#[derive(Clone, Debug)]
pub(super) struct CredentialFolder(PathBuf);

/// Lock under which the credentials may be changed.
pub(super) struct LockedCredentials<'f> {
    folder: &'f CredentialFolder,
    _lock: File,
}

impl CredentialFolder {
    /// Returns the folder below `XDG_CONFIG_HOME`, or else below `~/.config`.
    ///
    /// # Errors
    /// Fails if neither is known.
    pub(super) fn locate(environment: Environment) -> Result<Self, ConfigError> {
        let absolute = |name: &str| -> Result<Option<PathBuf>, ConfigError> {
            Ok(environment.text(name)?.map(PathBuf::from).filter(|path| path.is_absolute()))
        };
        let config = match absolute("XDG_CONFIG_HOME")? {
            Some(config) => Some(config),
            None => absolute("HOME")?.map(|home| home.join(".config")),
        };
        let unknown =
            || ConfigError::setting("HOME", "must be the absolute path of your home folder, or set XDG_CONFIG_HOME");
        Ok(Self(config.ok_or_else(unknown)?.join("gatepost")))
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> PathBuf {
        self.0.join(FILE)
    }

    /// Reads the credentials. Without a file there are none.
    ///
    /// # Errors
    /// Fails if other users can read the file or replace it, or if it is damaged.
    pub(super) fn read(&self) -> Result<Credentials, CommandFailure> {
        let path = self.path();
        let failed = |error: &io::Error| unusable(&path, "cannot be read", error);
        let file = match OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // The first login must not store a credential where others can replace it.
                match fs::metadata(&self.0) {
                    Ok(folder) => check_private(&self.0, &folder, OTHERS_WRITE_BITS)?,
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(&error)),
                }
                return Ok(Credentials::default());
            }
            Err(error) => return Err(failed(&error)),
        };
        check_private(&path, &file.metadata().map_err(|error| failed(&error))?, OTHERS_BITS)?;
        check_private(&self.0, &fs::metadata(&self.0).map_err(|error| failed(&error))?, OTHERS_WRITE_BITS)?;
        let mut text = String::new();
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|error| failed(&error))?;
        // The error of the parser would show a part of the file.
        serde_json::from_str(&text).map_err(|_| {
            CommandFailure::refused(format!("{} is damaged: remove it, then log in again", path.display()))
        })
    }

    /// Waits for the lock. Creates the folder (0700) if it is missing.
    ///
    /// # Errors
    /// Fails if the folder cannot be used, or another command holds the lock for too long.
    pub(super) async fn lock(&self) -> Result<LockedCredentials<'_>, CommandFailure> {
        let path = self.0.join(LOCK);
        let failed = |error: io::Error| unusable(&path, "cannot be locked", &error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(failed)?;
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600).custom_flags(flags);
        let lock = options.open(&path).map_err(failed)?;
        if lock_within(&lock, LOCK_TIMEOUT, || {}).await.map_err(failed)? {
            return Ok(LockedCredentials { folder: self, _lock: lock });
        }
        let text = format!("another command has held {} for too long: end it, then run this again", path.display());
        Err(CommandFailure::new(FailureKind::Unavailable, text))
    }
}

impl LockedCredentials<'_> {
    /// Reads the credentials.
    ///
    /// # Errors
    /// Fails as [`CredentialFolder::read`] does.
    pub(super) fn read(&self) -> Result<Credentials, CommandFailure> {
        self.folder.read()
    }

    /// Replaces the credentials as a whole. A reader sees either the old or the new file.
    ///
    /// # Errors
    /// Fails if the file cannot be written; then the old one stays.
    pub(super) fn write(&self, credentials: &Credentials) -> Result<(), CommandFailure> {
        let path = self.folder.path();
        // A killed command may have left one. Only the holder of the lock writes it.
        let draft = self.folder.0.join(format!("{FILE}.new"));
        let _ = fs::remove_file(&draft);
        let written = write_new(&draft, credentials).and_then(|()| fs::rename(&draft, &path));
        // After a loss of power, the old refresh token would count as a replay.
        let written = written.and_then(|()| File::open(&self.folder.0)?.sync_all());
        written.map_err(|error| {
            let _ = fs::remove_file(&draft);
            unusable(&path, "cannot be written", &error)
        })
    }
}

/// Writes a new file with mode 0600, down to the disk.
fn write_new(path: &Path, credentials: &Credentials) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(&serde_json::to_vec_pretty(credentials)?)?;
    file.sync_all()
}

/// Refuses a file or folder of another user, or with one of these permissions for others.
fn check_private(path: &Path, found: &fs::Metadata, bits: u32) -> Result<(), CommandFailure> {
    let shown = path.display();
    if found.uid() != geteuid().as_raw() {
        return Err(CommandFailure::refused(format!(
            "{shown} belongs to another user: move it away, then log in again"
        )));
    }
    if found.mode() & bits == 0 {
        return Ok(());
    }
    let mode = found.mode() & 0o777;
    let fault = if bits == OTHERS_BITS { "can be read" } else { "can be changed" };
    Err(CommandFailure::refused(format!(
        "{shown} {fault} by other users of this machine (mode {mode:o}): run `chmod go= {shown}`, and if others may have used \
         it, log out and log in again"
    )))
}

fn unusable(path: &Path, fault: &str, error: &io::Error) -> CommandFailure {
    let text = format!(
        "{} {fault} ({}): check its folder, or set XDG_CONFIG_HOME to another one",
        path.display(),
        error.kind()
    );
    CommandFailure::refused(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder() -> (tempfile::TempDir, CredentialFolder) {
        let above = tempfile::tempdir().unwrap();
        let folder = CredentialFolder(above.path().join("a/gatepost"));
        (above, folder)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    async fn stored(folder: &CredentialFolder) {
        let credentials = Credentials { default: Some("http://a:1".into()), ..Credentials::default() };
        folder.lock().await.unwrap().write(&credentials).unwrap();
    }

    #[tokio::test]
    async fn file_is_private_and_replaced_whole() {
        let (_above, folder) = folder();
        assert!(folder.read().unwrap().logins.is_empty(), "there is no file yet");
        stored(&folder).await;
        assert_eq!((mode(&folder.path()), mode(&folder.0)), (0o600, 0o700));
        stored(&folder).await;
        assert_eq!(folder.read().unwrap().default.as_deref(), Some("http://a:1"));
        let names: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "no draft is left: {names:?}");
    }

    #[tokio::test]
    async fn exposed_or_damaged_file_is_refused() {
        let (_above, folder) = folder();
        stored(&folder).await;
        let refused = || folder.read().err().expect("the file is refused").to_string();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(refused().contains("can be read by other users"), "{mode:o}");
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(refused().contains("can be changed by other users"));
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.path(), "{\"canary").unwrap();
        assert!(refused().contains("is damaged") && !refused().contains("canary"));
        fs::remove_file(folder.path()).unwrap();
        symlink("/etc/hostname", folder.path()).unwrap();
        assert!(refused().contains("cannot be read"), "no link is followed");
    }
}
