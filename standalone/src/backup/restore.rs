//! `gatepost restore`: checks a backup, ends every session in it, and puts it where nothing is, as a whole or not at all.

use std::error::Error;
use std::path::{Path, PathBuf};

use auth_service::domain::LogId;
use auth_service::store::{Store, StoreError};
use clap::Args;
use db::{FileLock, make_folder, remains};
use kit::Clock;
use kit::shutdown::Shutdown;

use super::error::BackupError;
use super::files::copy;
use super::manifest::{Entry, Manifest};
use super::part::{KEY, Part};
use super::places::{Places, key_of};
use super::say;
use super::site::{Site, are_all_placed, finish, place, take_back};
use super::snapshot::check_snapshot;

/// What is restored, and where to.
#[derive(Clone, Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct RestoreFlags {
    /// The folder that `gatepost backup` has made
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    places: Places,
}

const HELP: &str = "\
The services must not run, and nothing is replaced: the databases and the key must not be there. Everybody has to log in \
again, since nobody knows which sessions have been ended since the backup.";

/// A file of the backup, and where it goes.
struct Move {
    entry: Entry,
    /// Whose database it is; the signing key is none.
    part: Option<Part>,
    site: Site,
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
    let mut locks = Vec::new();
    for one in moves.iter().filter(|one| one.part.is_some()) {
        make_folder(one.site.path()).map_err(BackupError::from)?;
        locks.push(FileLock::take(one.site.path()).await.map_err(BackupError::from)?);
    }
    let sites = sites(&moves);
    if are_all_placed(&sites) {
        finish(&sites)?;
        say("The restore that was broken off has been brought to its end.");
    } else {
        take_back(&sites)?;
        check_free(&moves)?;
        let drafted = shutdown.run_until_cancelled(draft(&flags.folder, &moves, &clock)).await;
        let drafted = drafted.unwrap_or(Err(BackupError::NotRestored));
        let placed = drafted.and_then(|()| place(&placed(&moves)));
        if let Err(error) = placed {
            // Once one draft's name is gone, all are in place: the next run ends what this one could not.
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
    if moves.iter().any(|one| one.part == Some(Part::Auth)) {
        say("All sessions are ended: everybody has to log in again. What was changed since the backup is undone: \
             passwords, roles and states are as they were then, and deleted users are back.");
    }
    Ok(())
}

/// What goes where: all of the backup into the pair's folder, or what the flags name. The key comes first, the users last.
fn moves(manifest: &Manifest, files: &[(Part, PathBuf)], are_named: bool) -> Result<Vec<Move>, BackupError> {
    let mut moves = Vec::new();
    for (part, path) in files {
        let Some(entry) = manifest.entry(part.file()) else {
            if are_named {
                return Err(BackupError::NotHeld(part.file(), part.flag()));
            }
            continue;
        };
        moves.push(Move { entry: entry.clone(), part: Some(*part), site: Site::new(path.clone()) });
        if let (Part::Auth, Some(entry)) = (part, manifest.entry(KEY)) {
            moves.insert(0, Move { entry: entry.clone(), part: None, site: Site::new(key_of(path)) });
        }
    }
    if moves.is_empty() { Err(BackupError::Empty) } else { Ok(moves) }
}

/// The places of what is moved, in this order.
fn placed(moves: &[Move]) -> Vec<Site> {
    moves.iter().map(|one| one.site.clone()).collect()
}

/// The same, with that of a key which the backup does not hold: an earlier restore may have left one there.
fn sites(moves: &[Move]) -> Vec<Site> {
    let mut sites = placed(moves);
    let auth = moves.iter().find(|one| one.part == Some(Part::Auth));
    if let Some(auth) = auth
        && moves.iter().all(|one| one.part.is_some())
    {
        sites.insert(0, Site::new(key_of(auth.site.path())));
    }
    sites
}

/// Nothing is replaced, and SQLite must not take another database's log for this one's.
fn check_free(moves: &[Move]) -> Result<(), BackupError> {
    let taken = sites(moves).iter().flat_map(|site| remains(site.path())).next();
    taken.map_or(Ok(()), |taken| Err(BackupError::Taken(taken)))
}

/// Copies everything under names that keep the services away, checks it, and ends the sessions. The database that is put in
/// place last is the first to be begun, so that a service is kept away from the beginning to the end.
async fn draft(folder: &Path, moves: &[Move], clock: &Clock) -> Result<(), BackupError> {
    for one in moves.iter().rev() {
        let (from, draft) = (folder.join(&one.entry.name), one.site.draft());
        let copied = copy(&from, &draft, &one.entry.name).map_err(|error| BackupError::unreadable(&draft, &error))?;
        if copied != (Entry { migration: None, ..one.entry.clone() }) {
            return Err(BackupError::Altered(from));
        }
        if let Some(part) = one.part {
            check_snapshot(&draft, &from.display().to_string(), &part.migrations()).await?;
        }
        if one.part == Some(Part::Auth) {
            let store = Store::open_snapshot(&draft);
            let ended = end_all(&store, clock).await;
            store.close().await;
            ended.map_err(|error| BackupError::Sessions(error.to_string()))?;
        }
    }
    Ok(())
}

/// Ends the sessions, and makes another log of revocations: whoever knew the old one may not go on with what it has lost.
async fn end_all(store: &Store, clock: &Clock) -> Result<(), StoreError> {
    store.end_every_session().await?;
    store.renew_log(LogId(kit::random::bytes()), clock.now()).await
}
