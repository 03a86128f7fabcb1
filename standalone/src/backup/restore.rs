//! `gatepost restore`: checks a backup, ends its sessions and API keys, and puts its files into their places, completely or not at
//! all.

use std::error::Error;
use std::path::{Path, PathBuf};

use auth_service::domain::LogId;
use auth_service::store::{ApiKeyFate, AuthStore, StoreError};
use clap::Args;
use db::{FileLock, make_folder, remains};
use kit::Clock;
use kit::shutdown::Shutdown;

use super::error::BackupError;
use super::files::copy;
use super::manifest::{Manifest, ManifestEntry};
use super::part::{BackupPart, KEY_NAME, PartFile};
use super::places::{BackupPlaces, key_beside};
use super::say;
use super::site::{RestoreSite, are_all_placed, finish, place, take_back};
use super::snapshot::check_snapshot;

/// Flags of `gatepost restore`.
#[derive(Clone, Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct RestoreFlags {
    /// Folder that `gatepost backup` made
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    places: BackupPlaces,
    /// Keep the API keys of the backup: none was revoked, and none had a leaked secret rotated, after the backup
    #[arg(long)]
    keep_api_keys: bool,
}

const HELP: &str = "\
The services must not run. A restore replaces nothing: the databases and the key must not exist. All users have to log in \
again, and all API keys are revoked, because the backup does not tell which of them have ended since.";

/// A file of the backup, with its place.
struct Move {
    entry: ManifestEntry,
    /// Service of the database; `None` for the signing key.
    part: Option<BackupPart>,
    site: RestoreSite,
}

/// Restores a backup.
pub(crate) async fn run(
    flags: RestoreFlags,
    clock: Clock,
    shutdown: Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let files = flags.places.files()?;
    let manifest = Manifest::read(&flags.folder)?;
    let moves = moves(&manifest, &files, flags.places.are_named())?;
    let api_keys = if flags.keep_api_keys { ApiKeyFate::Kept } else { ApiKeyFate::Revoked };
    let mut locks = Vec::new();
    for one in moves.iter().filter(|one| one.part.is_some()) {
        make_folder(one.site.path()).map_err(BackupError::from)?;
        locks.push(FileLock::take(one.site.path()).await.map_err(BackupError::from)?);
    }
    let sites = sites(&moves);
    if are_all_placed(&sites) {
        finish(&sites)?;
        say("The interrupted restore is complete now.");
    } else {
        take_back(&sites)?;
        check_free(&moves)?;
        let drafted = shutdown.run_until_cancelled(draft(&flags.folder, &moves, api_keys, &clock)).await;
        let drafted = drafted.unwrap_or(Err(BackupError::NotRestored));
        let placed = drafted.and_then(|()| place(&placed(&moves)));
        if let Err(error) = placed {
            // Once one draft's name is removed, all files are in place: the next run completes the restore.
            if !are_all_placed(&sites) {
                take_back(&sites)?;
            }
            return Err(error.into());
        }
        say(&format!("The backup of {} (gatepost {}) is restored:", manifest.time, manifest.gatepost));
    }
    for one in &moves {
        say(&format!("  {}", one.site.path().display()));
    }
    if moves.iter().any(|one| one.part == Some(BackupPart::Auth)) {
        say(
            "All sessions are ended: all users have to log in again. Changes since the backup are undone: passwords, roles \
             and states have their old values, and deleted users exist again.",
        );
        say(match api_keys {
            ApiKeyFate::Revoked => {
                "All API keys of the backup are revoked: create new ones, or restore again with --keep-api-keys to an empty \
                 place."
            }
            ApiKeyFate::Kept => {
                "API keys are those of the backup: revoke again each one that was revoked since, and rotate leaked secrets."
            }
        });
    }
    Ok(())
}

/// Returns the files and their places: all files into the pair's folder, or those of the flags. The key is first, the
/// database of the users last.
fn moves(manifest: &Manifest, files: &[PartFile], are_named: bool) -> Result<Vec<Move>, BackupError> {
    let mut moves = Vec::new();
    for PartFile { part, path } in files {
        let Some(entry) = manifest.entry(part.file()) else {
            if are_named {
                return Err(BackupError::NotHeld(part.file(), part.flag()));
            }
            continue;
        };
        moves.push(Move { entry: entry.clone(), part: Some(*part), site: RestoreSite::new(path.clone()) });
        if let (BackupPart::Auth, Some(entry)) = (part, manifest.entry(KEY_NAME)) {
            moves.insert(0, Move { entry: entry.clone(), part: None, site: RestoreSite::new(key_beside(path)) });
        }
    }
    if moves.is_empty() { Err(BackupError::Empty) } else { Ok(moves) }
}

/// Returns the places of the moves, in order.
fn placed(moves: &[Move]) -> Vec<RestoreSite> {
    moves.iter().map(|one| one.site.clone()).collect()
}

/// Returns the places of the moves, and that of a key that an earlier restore may have left.
fn sites(moves: &[Move]) -> Vec<RestoreSite> {
    let mut sites = placed(moves);
    let auth = moves.iter().find(|one| one.part == Some(BackupPart::Auth));
    if let Some(auth) = auth
        && moves.iter().all(|one| one.part.is_some())
    {
        sites.insert(0, RestoreSite::new(key_beside(auth.site.path())));
    }
    sites
}

/// Fails if a file exists in a place. That includes logs, which SQLite would apply to the restored database.
fn check_free(moves: &[Move]) -> Result<(), BackupError> {
    let taken = sites(moves).iter().flat_map(|site| remains(site.path())).next();
    taken.map_or(Ok(()), |taken| Err(BackupError::Taken(taken)))
}

/// Copies all files under draft names that keep the services away, checks them, and ends sessions and API keys.
///
/// The database that is placed last is copied first, so that its service cannot start during the restore.
async fn draft(folder: &Path, moves: &[Move], api_keys: ApiKeyFate, clock: &Clock) -> Result<(), BackupError> {
    for one in moves.iter().rev() {
        let (from, draft) = (folder.join(&one.entry.name), one.site.draft());
        let copied = copy(&from, &draft, &one.entry.name).map_err(|error| BackupError::unreadable(&draft, &error))?;
        if copied != (ManifestEntry { migration: None, ..one.entry.clone() }) {
            return Err(BackupError::Altered(from));
        }
        if let Some(part) = one.part {
            check_snapshot(&draft, &from.display().to_string(), &part.migrations()).await?;
        }
        if one.part == Some(BackupPart::Auth) {
            let store = AuthStore::open_snapshot(&draft);
            let ended = end_all(&store, api_keys, clock).await;
            store.close().await;
            ended.map_err(|error| BackupError::Sessions(error.to_string()))?;
        }
    }
    Ok(())
}

/// Ends all that may have ended since the backup. The restored file gets a new witness at its first start.
async fn end_all(store: &AuthStore, api_keys: ApiKeyFate, clock: &Clock) -> Result<(), StoreError> {
    store.end_all(api_keys, LogId(kit::random::bytes()), clock.now()).await?;
    store.forget_witness().await
}
