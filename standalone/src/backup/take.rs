//! `gatepost backup`: copies both services' files, and checks each copy.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use kit::Clock;
use kit::handover::open_file;
use kit::shutdown::Shutdown;

use super::draft::Draft;
use super::error::BackupError;
use super::files::{copy, entry};
use super::manifest::{Manifest, ManifestEntry};
use super::part::{BackupPart, KEY_NAME, PartFile};
use super::places::{BackupPlaces, key_beside};
use super::say;
use super::snapshot::{SnapshotError, snapshot};

/// Flags of `gatepost backup`.
#[derive(Clone, Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct BackupFlags {
    /// Folder of the new backup, which must be missing or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    places: BackupPlaces,
}

const HELP: &str = "\
The services may run. The backup contains all writes that they acknowledged before its start. It holds password hashes \
and the signing key: keep it as safe as the data itself. AUTH_MASTER_KEY and JWT_SECRET_KEY are not in it.";

/// Makes a backup.
pub(crate) async fn run(
    flags: BackupFlags,
    clock: Clock,
    shutdown: Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let files = flags.places.files()?;
    let folder = &flags.folder;
    for PartFile { part, path } in &files {
        if !path.is_file() {
            let named = flags.places.are_named();
            let absent = SnapshotError::Absent(path.display().to_string());
            let other = BackupPart::ALL.into_iter().find(|other| other != part).unwrap_or(*part);
            return Err(if named {
                absent.into()
            } else {
                BackupError::Absent { file: path.clone(), flag: other.flag() }
            }
            .into());
        }
    }
    let draft = Draft::begin(folder)?;
    let manifest = shutdown.run_until_cancelled(make(draft, folder, &files, &clock)).await;
    let manifest = manifest.unwrap_or_else(|| Err(BackupError::Stopped(folder.clone())))?;
    say(&format!("A backup of {} is in {}:", manifest.time, folder.display()));
    for file in &manifest.files {
        say(&format!("  {:<14}{:>12} bytes", file.name, file.bytes));
    }
    say("Keep it as safe as the data itself. AUTH_MASTER_KEY and JWT_SECRET_KEY are not in it: keep them elsewhere.");
    Ok(())
}

/// Makes the backup as a draft, then completes it.
async fn make(draft: Draft, folder: &Path, files: &[PartFile], clock: &Clock) -> Result<Manifest, BackupError> {
    let failed = |error: io::Error| BackupError::unreadable(folder, &error);
    let time = clock.now().to_rfc3339();
    let mut entries = Vec::new();
    for PartFile { part, path } in files {
        drop(open_file(path).map_err(|error| BackupError::unreadable(path, &error))?);
        let to = draft.folder().join(part.file());
        let migration = snapshot(path, &to, &part.migrations()).await?;
        let copied = entry(&to, part.file()).map_err(failed)?;
        entries.push(ManifestEntry { migration: Some(migration), ..copied });
        // The key is copied after the database: a key file exists before its row, and until long after its retirement.
        let key = key_beside(path);
        if *part == BackupPart::Auth && key.symlink_metadata().is_ok() {
            let copied = copy(&key, &draft.folder().join(KEY_NAME), KEY_NAME);
            entries.push(copied.map_err(|error| BackupError::unreadable(&key, &error))?);
        }
    }
    let manifest = Manifest::new(time, entries);
    draft.finish(&manifest.text()?).map_err(failed)?;
    Ok(manifest)
}
