//! `gatepost backup`: built beside its place and put there as a whole, so that what is cut off never looks like a backup.

use std::error::Error;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use kit::Clock;
use kit::db::{SnapshotError, snapshot};
use kit::shutdown::Shutdown;

use super::error::BackupError;
use super::files::{copy, entry, folder_of, sync_folder, write};
use super::manifest::{Manifest, NAME};
use super::part::{KEY, Part};
use super::places::{Places, key_of};
use super::say;

/// What is backed up, and where to.
#[derive(Clone, Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct BackupFlags {
    /// The folder to make: one that is not there yet, or is empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    places: Places,
}

const HELP: &str = "\
The services may run. All that they have acknowledged before this begins is in the backup. It holds password hashes and \
the signing key: keep it as safe as the data itself. AUTH_MASTER_KEY and JWT_SECRET_KEY are not in it.";

/// Makes a backup.
pub(crate) async fn run(
    flags: BackupFlags,
    clock: Clock,
    shutdown: Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let files = flags.places.files()?;
    let folder = &flags.folder;
    if !is_free(folder).map_err(|error| BackupError::unreadable(folder, &error))? {
        return Err(BackupError::Occupied(folder.clone()).into());
    }
    for (part, path) in &files {
        if !path.is_file() {
            let named = flags.places.are_named();
            let absent = SnapshotError::Absent(path.display().to_string());
            let other = Part::ALL.into_iter().find(|other| other != part).unwrap_or(*part);
            return Err(if named {
                absent.into()
            } else {
                BackupError::Absent { file: path.clone(), flag: other.flag() }
            }
            .into());
        }
    }
    let manifest = shutdown.run_until_cancelled(make(folder, &files, &clock)).await;
    let manifest = manifest.unwrap_or_else(|| Err(BackupError::Stopped(folder.clone())))?;
    say(&format!("A backup of {} is in {}:", manifest.time, folder.display()));
    for file in &manifest.files {
        say(&format!("  {:<14}{:>12} bytes", file.name, file.bytes));
    }
    say("Keep it as safe as the data itself. AUTH_MASTER_KEY and JWT_SECRET_KEY are not in it: keep them elsewhere.");
    Ok(())
}

/// Whether nothing is there, or an empty folder.
fn is_free(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut listed) => Ok(listed.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Makes the backup under a name that says it is none yet, then gives it its own.
async fn make(folder: &Path, files: &[(Part, PathBuf)], clock: &Clock) -> Result<Manifest, BackupError> {
    let failed = |error: io::Error| BackupError::unreadable(folder, &error);
    let beside = folder_of(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(beside).map_err(failed)?;
    // In full, so that the copies do not depend on how the path begins: "file:" means something to SQLite.
    let beside = beside.canonicalize().map_err(failed)?;
    let name = folder.file_name().ok_or_else(|| BackupError::Occupied(folder.to_owned()))?;
    // For this user alone, and removed when this ends in any way but a kill.
    let unfinished = tempfile::Builder::new()
        .prefix(&format!("{}.unfinished-", name.to_string_lossy()))
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&beside)
        .map_err(failed)?;
    let time = clock.now().to_rfc3339();
    let mut entries = Vec::new();
    for (part, path) in files {
        let to = unfinished.path().join(part.file());
        let migration = snapshot(path, &to, &part.migrations()).await?;
        let copied = entry(&to, part.file()).map_err(failed)?;
        entries.push(super::manifest::Entry { migration: Some(migration), ..copied });
        // No older than the database is what counts: a key is there before its row, and until long after its retirement.
        let key = key_of(path);
        if *part == Part::Auth && key.symlink_metadata().is_ok() {
            let copied = copy(&key, &unfinished.path().join(KEY), KEY);
            entries.push(copied.map_err(|error| BackupError::unreadable(&key, &error))?);
        }
    }
    let manifest = Manifest::new(time, entries);
    write(&unfinished.path().join(NAME), &manifest.text()?).map_err(failed)?;
    sync_folder(unfinished.path()).map_err(failed)?;
    fs::rename(unfinished.path(), beside.join(name)).map_err(failed)?;
    // What it named is there no longer, so nothing is to be removed.
    let _ = unfinished.keep();
    sync_folder(&beside).map_err(failed)?;
    Ok(manifest)
}
