//! Handover of the files that root creates in another user's folder: the user's service must be able to use them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

use rustix::fs::{Dir, OFlags};
use rustix::process::geteuid;

/// Creates a new file with mode 0600 and gives it to the folder's owner.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] if any file or link has the name; no link is followed.
pub fn create_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    hand_over(&file, folder_of(path))?;
    Ok(file)
}

/// Creates the folder and the missing folders above it with mode 0700. Each belongs to the owner of the folder above
/// it.
///
/// # Errors
/// Fails at the first folder that cannot be created.
pub fn create_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let above = folder_of(path);
    create_folder(above)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => hand_over_folder(path, above),
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a folder that this process has just created to the owner of the folder above it.
///
/// # Errors
/// Fails if another file has taken the folder's place.
pub fn hand_over_folder(made: &Path, above: &Path) -> io::Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let folder = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(made)?;
    // The owner of the folder above may have put another folder in its place, with another user's contents.
    let found = folder.metadata()?;
    if found.uid() == geteuid().as_raw() && is_empty(&folder)? {
        hand_over(&folder, above)?;
    }
    Ok(())
}

/// Returns true if an open folder has no entries. The path may already lead to another folder.
fn is_empty(folder: &File) -> io::Result<bool> {
    for entry in Dir::read_from(folder)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives a file or folder that this process has just created to the owner and group of `folder`.
///
/// A process that may not give files away changes nothing. The call changes the owner of the open file, never of a
/// path: otherwise a user who can swap paths could make root give away any file.
///
/// # Errors
/// Fails if the file system refuses for another reason.
pub fn hand_over(made: &File, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    if owner.uid() == made.metadata()?.uid() {
        return Ok(());
    }
    match fchown(made, Some(owner.uid()), Some(owner.gid())) {
        // Not root, or a user that this user namespace does not know.
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput) => Ok(()),
        given => given,
    }
}

/// Opens a file for reading. In a user's folder, root refuses a link to another user's file: otherwise root's copies
/// for the user would reveal that file.
///
/// # Errors
/// [`ErrorKind::PermissionDenied`] for such a link.
pub fn open_file(path: &Path) -> io::Result<File> {
    if let Ok(file) = OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path) {
        return Ok(file);
    }
    let (file, folder, user) = (File::open(path)?, fs::metadata(folder_of(path))?.uid(), geteuid());
    if user.is_root() && folder != user.as_raw() && file.metadata()?.uid() != folder {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "it is a link to another user's file"));
    }
    Ok(file)
}

/// Returns the folder of a path.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::path::PathBuf;

    use super::*;

    const OWNER: (u32, u32) = (65532, 65533);

    fn owner(path: &Path) -> (u32, u32) {
        let found = path.symlink_metadata().unwrap();
        (found.uid(), found.gid())
    }

    /// Returns a folder of another user. Prints a note and returns `None` if this user may not give files away.
    fn other_users_folder() -> Option<(tempfile::TempDir, PathBuf)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        if chown(&path, Some(OWNER.0), Some(OWNER.1)).is_err() {
            crate::output::out("skipped: only root can give files away");
            return None;
        }
        Some((folder, path))
    }

    #[test]
    fn root_gives_new_files_to_the_folders_owner() {
        let Some((_folder, path)) = other_users_folder() else { return };
        create_file(&path.join("file")).unwrap();
        create_folder(&path.join("a/b")).unwrap();
        create_file(&path.join("a/b/file")).unwrap();
        for made in ["file", "a", "a/b", "a/b/file"] {
            assert_eq!(owner(&path.join(made)), OWNER, "{made}");
        }
        assert_eq!(fs::metadata(path.join("a/b")).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn planted_link_is_not_followed_or_given_away() {
        let Some((_folder, path)) = other_users_folder() else { return };
        let own = tempfile::tempdir().unwrap();
        let secret = own.path().join("secret");
        fs::write(&secret, "root's own").unwrap();
        symlink(&secret, path.join("file")).unwrap();
        symlink(own.path().join("absent"), path.join("dangling")).unwrap();
        for name in ["file", "dangling"] {
            assert_eq!(create_file(&path.join(name)).unwrap_err().kind(), ErrorKind::AlreadyExists);
        }
        symlink(own.path(), path.join("folder")).unwrap();
        hand_over_folder(&path.join("folder"), &path).unwrap_err();
        assert_eq!(owner(own.path()), owner(&secret), "root keeps its own files");
        assert!(!own.path().join("absent").exists());
    }

    #[test]
    fn root_follows_no_link_to_its_own_file() {
        let Some((_folder, path)) = other_users_folder() else { return };
        let own = tempfile::tempdir().unwrap();
        fs::write(own.path().join("secret"), "root's own").unwrap();
        symlink(own.path().join("secret"), path.join("link")).unwrap();
        assert_eq!(open_file(&path.join("link")).unwrap_err().kind(), ErrorKind::PermissionDenied);
        // Root opens a plain file, a link to a file of the folder's owner, and any link in root's own folder.
        fs::write(path.join("file"), "").unwrap();
        open_file(&path.join("file")).unwrap();
        chown(path.join("file"), Some(OWNER.0), None).unwrap();
        symlink(path.join("file"), path.join("theirs")).unwrap();
        open_file(&path.join("theirs")).unwrap();
        symlink(path.join("file"), own.path().join("link")).unwrap();
        open_file(&own.path().join("link")).unwrap();
    }

    #[test]
    fn folder_with_contents_is_not_given_away() {
        let Some((_folder, path)) = other_users_folder() else { return };
        fs::create_dir(path.join("a")).unwrap();
        fs::write(path.join("a/file"), "root's own").unwrap();
        hand_over_folder(&path.join("a"), &path).unwrap();
        assert_ne!(owner(&path.join("a")), OWNER);
    }
}
