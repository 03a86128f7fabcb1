//! `backup.json`: the files of a backup, with their checksums.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::BackupError;
use super::part::{BackupPart, KEY_NAME};

/// Name of the manifest.
pub(super) const MANIFEST_NAME: &str = "backup.json";

/// Folder that file systems keep at their root; ignored, because a backup may have its own disk.
pub(super) const LOST_AND_FOUND: &str = "lost+found";

/// Format that this version writes and reads.
const FORMAT: u64 = 1;

/// The content of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u64,
    /// Version that made the backup.
    pub(super) gatepost: String,
    /// Start of the backup, which contains all writes acknowledged before.
    pub(super) time: String,
    /// Files in the order of their copies.
    pub(super) files: Vec<ManifestEntry>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestEntry {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// SHA-256 in hexadecimal.
    pub(super) sha256: String,
    /// Last migration of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) migration: Option<i64>,
}

impl Manifest {
    /// Returns the manifest of a backup that began at this time.
    pub(super) fn new(time: String, files: Vec<ManifestEntry>) -> Self {
        Self { format: FORMAT, gatepost: env!("CARGO_PKG_VERSION").to_owned(), time, files }
    }

    /// Returns the text of `backup.json`.
    pub(super) fn text(&self) -> Result<String, BackupError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| BackupError::Garbled(error.to_string()))?;
        Ok(format!("{text}\n"))
    }

    /// Reads the manifest of the backup in this folder; fails if the folder has missing or extra files.
    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let text = match fs::read_to_string(folder.join(MANIFEST_NAME)) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(BackupError::NoBackup(folder.to_owned()));
            }
            Err(error) => return Err(BackupError::unreadable(&folder.join(MANIFEST_NAME), &error)),
        };
        let manifest = parse(&text)?;
        for entry in &manifest.files {
            if !manifest.is_known(entry) {
                return Err(BackupError::Garbled("it names an unknown file, or a file twice".to_owned()));
            }
            if !folder.join(&entry.name).is_file() {
                return Err(BackupError::Missing(folder.join(&entry.name)));
            }
        }
        let listed = fs::read_dir(folder).map_err(|error| BackupError::unreadable(folder, &error))?;
        for file in listed {
            let name = file.map_err(|error| BackupError::unreadable(folder, &error))?.file_name();
            if name != MANIFEST_NAME
                && name != LOST_AND_FOUND
                && !manifest.files.iter().any(|entry| name == entry.name.as_str())
            {
                return Err(BackupError::Extra(folder.join(name)));
            }
        }
        Ok(manifest)
    }

    /// Returns the file of this name.
    pub(super) fn entry(&self, name: &str) -> Option<&ManifestEntry> {
        self.files.iter().find(|entry| entry.name == name)
    }

    /// Returns true if the entry has a known file name, which is never a path, and is the only one of that name.
    fn is_known(&self, entry: &ManifestEntry) -> bool {
        let is_one = BackupPart::ALL.iter().any(|part| part.file() == entry.name) || entry.name == KEY_NAME;
        is_one && self.files.iter().filter(|other| other.name == entry.name).count() == 1
    }
}

fn parse(text: &str) -> Result<Manifest, BackupError> {
    let garbled = |error: serde_json::Error| BackupError::Garbled(error.to_string());
    let value: Value = serde_json::from_str(text).map_err(garbled)?;
    match value.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => serde_json::from_value(value).map_err(garbled),
        Some(other) => Err(BackupError::Format(other)),
        None => Err(BackupError::Garbled("it has no format".to_owned())),
    }
}
