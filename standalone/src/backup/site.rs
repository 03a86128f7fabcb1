//! Where a restored file is put: under a name that keeps the services away first, and under its own once all are there.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use db::{RESTORING, beside, remains};
use kit::handover::folder_of;

use super::error::BackupError;
use super::files::sync_folder;

/// A file that is to be there.
#[derive(Clone, Debug)]
pub(super) struct Site(PathBuf);

impl Site {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Its name until it is put in place: no service opens a database that has such a file beside it.
    pub(super) fn draft(&self) -> PathBuf {
        beside(&self.0, RESTORING)
    }

    fn has_draft(&self) -> bool {
        self.draft().symlink_metadata().is_ok()
    }

    /// Whether the draft is in place: the file has both names.
    fn is_placed(&self) -> bool {
        let (Ok(draft), Ok(file)) = (self.draft().symlink_metadata(), self.0.symlink_metadata()) else { return false };
        (draft.dev(), draft.ino()) == (file.dev(), file.ino())
    }

    /// Takes the draft's name away, and what SQLite has made beside a draft that was no copy of ours.
    fn remove_draft(&self) -> io::Result<()> {
        remains(&self.draft()).into_iter().rev().try_for_each(fs::remove_file)
    }

    fn failed(&self) -> impl Fn(io::Error) -> BackupError {
        |error| BackupError::unreadable(&self.0, &error)
    }
}

/// Whether an earlier restore had put all of these in place, and was cut off while it took the drafts away.
pub(super) fn are_all_placed(sites: &[Site]) -> bool {
    let Some((last, before)) = sites.split_last() else { return false };
    // The last one's draft goes last, and none goes before all are in place.
    last.is_placed() && before.iter().any(|site| !site.has_draft() && site.0.symlink_metadata().is_ok())
}

/// Takes back what has not come to its end: no file that had been there before.
pub(super) fn take_back(sites: &[Site]) -> Result<(), BackupError> {
    for site in sites {
        if site.is_placed() {
            fs::remove_file(&site.0).map_err(site.failed())?;
        }
    }
    // Only then what keeps the services away.
    sync(sites)?;
    for site in sites {
        site.remove_draft().map_err(site.failed())?;
    }
    sync(sites)
}

/// Gives all drafts their own names, in this order, and then takes the drafts' names away.
pub(super) fn place(sites: &[Site]) -> Result<(), BackupError> {
    sync(sites)?;
    for site in sites {
        fs::hard_link(site.draft(), &site.0).map_err(site.failed())?;
    }
    sync(sites)?;
    finish(sites)
}

/// Takes the drafts' names away.
pub(super) fn finish(sites: &[Site]) -> Result<(), BackupError> {
    for site in sites {
        site.remove_draft().map_err(site.failed())?;
        sync_folder(folder_of(&site.0)).map_err(site.failed())?;
    }
    Ok(())
}

fn sync(sites: &[Site]) -> Result<(), BackupError> {
    sites.iter().try_for_each(|site| sync_folder(folder_of(&site.0)).map_err(site.failed()))
}
