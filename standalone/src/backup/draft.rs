//! A backup in progress. An interrupted one never looks like a backup.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use db::remains;
use kit::handover::{create_file, create_folder, folder_of, hand_over_folder};
use tempfile::TempDir;

use super::error::BackupError;
use super::files::{sync_folder, write};
use super::manifest::{LOST_AND_FOUND, MANIFEST_NAME};
use super::part::{BackupPart, KEY_NAME};

/// Name of the manifest during a backup into an existing folder.
const UNFINISHED: &str = "backup.json.unfinished";

/// A backup in progress; a drop before its end removes it.
pub(super) enum Draft {
    /// A new folder beside the place of the backup, which gets the final name at the end.
    Beside { unfinished: TempDir, to: PathBuf },
    /// The place of the backup itself, if it is an existing, empty folder. It may be a mount point, which a rename
    /// cannot replace.
    Within(Within),
}

/// An existing folder that gets the parts under their final names, and the manifest last.
pub(super) struct Within {
    folder: PathBuf,
    /// File of the manifest, which keeps other backups out of the folder; `None` after the end.
    manifest: Option<File>,
}

impl Draft {
    /// Begins a backup in this folder, which must be missing or empty.
    pub(super) fn begin(folder: &Path) -> Result<Self, BackupError> {
        let failed = |error: io::Error| BackupError::unreadable(folder, &error);
        if !is_free(folder).map_err(failed)? {
            return Err(BackupError::Occupied(folder.to_owned()));
        }
        if folder.is_dir() {
            // An absolute path, because SQLite interprets a path that begins with "file:".
            return Within::begin(&folder.canonicalize().map_err(failed)?).map(Self::Within);
        }
        let beside = folder_of(folder);
        create_folder(beside).map_err(failed)?;
        let beside = beside.canonicalize().map_err(failed)?;
        let name = folder.file_name().ok_or_else(|| BackupError::Occupied(folder.to_owned()))?;
        // Readable only by its owner, and removed when the process ends, unless it is killed.
        let unfinished = tempfile::Builder::new()
            .prefix(&format!("{}.unfinished-", name.to_string_lossy()))
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&beside)
            .map_err(failed)?;
        hand_over_folder(unfinished.path(), &beside).map_err(failed)?;
        Ok(Self::Beside { unfinished, to: beside.join(name) })
    }

    /// Returns the folder for the parts.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Beside { unfinished, .. } => unfinished.path(),
            Self::Within(within) => &within.folder,
        }
    }

    /// Completes the backup with this manifest.
    pub(super) fn finish(self, manifest: &str) -> io::Result<()> {
        match self {
            Self::Beside { unfinished, to } => {
                write(&unfinished.path().join(MANIFEST_NAME), manifest)?;
                sync_folder(unfinished.path())?;
                fs::rename(unfinished.path(), &to)?;
                // The folder has been renamed, so the draft has no folder to remove.
                let _ = unfinished.keep();
                sync_folder(folder_of(&to))
            }
            Self::Within(mut within) => within.finish(manifest),
        }
    }
}

impl Within {
    fn begin(folder: &Path) -> Result<Self, BackupError> {
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => BackupError::Occupied(folder.to_owned()),
            _ => BackupError::unreadable(folder, &error),
        };
        let manifest = create_file(&folder.join(UNFINISHED)).map_err(failed)?;
        // Another backup may have finished before.
        if are_all(folder, |name| name == UNFINISHED || name == LOST_AND_FOUND).map_err(failed)? {
            return Ok(Self { folder: folder.to_owned(), manifest: Some(manifest) });
        }
        fs::remove_file(folder.join(UNFINISHED)).map_err(failed)?;
        Err(BackupError::Occupied(folder.to_owned()))
    }

    fn finish(&mut self, text: &str) -> io::Result<()> {
        if let Some(manifest) = &mut self.manifest {
            manifest.write_all(text.as_bytes())?;
            manifest.sync_all()?;
            // All parts are on the disk before the manifest that names them.
            sync_folder(&self.folder)?;
            fs::rename(self.folder.join(UNFINISHED), self.folder.join(MANIFEST_NAME))?;
            self.manifest = None;
        }
        sync_folder(&self.folder)
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        if self.manifest.is_none() {
            return;
        }
        let names = BackupPart::ALL.iter().map(|part| part.file()).chain([KEY_NAME, UNFINISHED]);
        for made in names.flat_map(|name| remains(&self.folder.join(name))) {
            let _ = fs::remove_file(made);
        }
    }
}

/// Returns true if the folder is missing or empty.
fn is_free(folder: &Path) -> io::Result<bool> {
    match are_all(folder, |name| name == LOST_AND_FOUND) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        listed => listed,
    }
}

/// Returns true if all names in the folder match.
fn are_all(folder: &Path, is_one: impl Fn(&str) -> bool) -> io::Result<bool> {
    for file in fs::read_dir(folder)? {
        if !file?.file_name().to_str().is_some_and(&is_one) {
            return Ok(false);
        }
    }
    Ok(true)
}
