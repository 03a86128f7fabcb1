//! Place of a restored file: it gets a draft name that keeps the services away, and its own name once all files exist.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use db::{RESTORING, beside, remains};
use kit::handover::folder_of;

use super::error::BackupError;
use super::files::sync_folder;

/// The place of a restored file.
#[derive(Clone, Debug)]
pub(super) struct RestoreSite(PathBuf);

impl RestoreSite {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the draft name. A service does not open a database with such a file beside it.
    pub(super) fn draft(&self) -> PathBuf {
        beside(&self.0, RESTORING)
    }

    fn has_draft(&self) -> bool {
        self.draft().symlink_metadata().is_ok()
    }

    /// Returns true if the file has both names, so that the draft is in place.
    fn is_placed(&self) -> bool {
        let (Ok(draft), Ok(file)) = (self.draft().symlink_metadata(), self.0.symlink_metadata()) else { return false };
        (draft.dev(), draft.ino()) == (file.dev(), file.ino())
    }

    /// Removes the draft's name and SQLite's files beside it.
    fn remove_draft(&self) -> io::Result<()> {
        remains(&self.draft()).into_iter().rev().try_for_each(fs::remove_file)
    }

    fn failed(&self) -> impl Fn(io::Error) -> BackupError {
        |error| BackupError::unreadable(&self.0, &error)
    }
}

/// Returns true if an earlier restore placed all files, and was interrupted during the removal of the drafts.
pub(super) fn are_all_placed(sites: &[RestoreSite]) -> bool {
    let Some((last, before)) = sites.split_last() else { return false };
    // Drafts are removed after all files are in place, the last one last.
    last.is_placed() && before.iter().any(|site| !site.has_draft() && site.0.symlink_metadata().is_ok())
}

/// Undoes an incomplete restore, without touching files that existed before.
pub(super) fn take_back(sites: &[RestoreSite]) -> Result<(), BackupError> {
    for site in sites {
        if site.is_placed() {
            fs::remove_file(&site.0).map_err(site.failed())?;
        }
    }
    // Then the drafts, which keep the services away.
    sync(sites)?;
    for site in sites {
        site.remove_draft().map_err(site.failed())?;
    }
    sync(sites)
}

/// Gives all drafts their own names, in this order, then removes the drafts' names.
pub(super) fn place(sites: &[RestoreSite]) -> Result<(), BackupError> {
    sync(sites)?;
    for site in sites {
        fs::hard_link(site.draft(), &site.0).map_err(site.failed())?;
    }
    sync(sites)?;
    finish(sites)
}

/// Removes the drafts' names.
pub(super) fn finish(sites: &[RestoreSite]) -> Result<(), BackupError> {
    for site in sites {
        site.remove_draft().map_err(site.failed())?;
        sync_folder(folder_of(&site.0)).map_err(site.failed())?;
    }
    Ok(())
}

fn sync(sites: &[RestoreSite]) -> Result<(), BackupError> {
    sites.iter().try_for_each(|site| sync_folder(folder_of(&site.0)).map_err(site.failed()))
}
