//! `backup.json`: what a backup holds, and how to tell that nothing of it has changed since.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::BackupError;
use super::part::{KEY, Part};

/// The manifest's name.
pub(super) const NAME: &str = "backup.json";

/// The folder that file systems keep at their top, which no backup is made of: a backup may be on a disk of its own.
pub(super) const LOST_AND_FOUND: &str = "lost+found";

/// The one form that this version writes and reads.
const FORMAT: u64 = 1;

/// What a backup holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u64,
    /// The version that made it.
    pub(super) gatepost: String,
    /// When it was begun: all that was acknowledged before is in it.
    pub(super) time: String,
    /// In the order in which they were copied.
    pub(super) files: Vec<Entry>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// In hexadecimal.
    pub(super) sha256: String,
    /// The last migration of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) migration: Option<i64>,
}

impl Manifest {
    /// Of a backup that was begun at this time.
    pub(super) fn new(time: String, files: Vec<Entry>) -> Self {
        Self { format: FORMAT, gatepost: env!("CARGO_PKG_VERSION").to_owned(), time, files }
    }

    /// As `backup.json` has it.
    pub(super) fn text(&self) -> Result<String, BackupError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| BackupError::Garbled(error.to_string()))?;
        Ok(format!("{text}\n"))
    }

    /// Reads the manifest of the backup in this folder, which must hold just what it names.
    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let text = match fs::read_to_string(folder.join(NAME)) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(BackupError::NoBackup(folder.to_owned()));
            }
            Err(error) => return Err(BackupError::unreadable(&folder.join(NAME), &error)),
        };
        let manifest = parse(&text)?;
        for entry in &manifest.files {
            if !manifest.is_known(entry) {
                return Err(BackupError::Garbled("it names a file that no backup has, or one twice".to_owned()));
            }
            if !folder.join(&entry.name).is_file() {
                return Err(BackupError::Missing(folder.join(&entry.name)));
            }
        }
        let listed = fs::read_dir(folder).map_err(|error| BackupError::unreadable(folder, &error))?;
        for file in listed {
            let name = file.map_err(|error| BackupError::unreadable(folder, &error))?.file_name();
            if name != NAME && name != LOST_AND_FOUND && !manifest.files.iter().any(|entry| name == entry.name.as_str())
            {
                return Err(BackupError::Extra(folder.join(name)));
            }
        }
        Ok(manifest)
    }

    /// The file of this name.
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.name == name)
    }

    /// Whether it is one of the names that a backup has, which no path can be, and the only one of that name.
    fn is_known(&self, entry: &Entry) -> bool {
        let is_one = Part::ALL.iter().any(|part| part.file() == entry.name) || entry.name == KEY;
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
