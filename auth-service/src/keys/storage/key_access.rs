//! Decides who may read the signing keys' file, and keeps that when the file is written anew.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use rustix::process::{getegid, geteuid, getgroups};

/// The permission bits of all other users.
const OTHERS: u32 = 0o007;

/// The permission bits of the group.
const GROUP: u32 = 0o070;

/// The bits that a new file takes over from the group's: reading and writing.
const GROUP_KEEPS: u32 = 0o060;

/// Returns true if users beside the owner and this process's own groups may use the file.
///
/// Kubernetes gives a volume's files to the group `fsGroup`, which is one of the service's, with mode 0660 or 0440. Root
/// works on the files of a service and is in none of its groups; for root the group of the file's folder counts as well.
pub(super) fn is_exposed(file: &Metadata, folder: &Path) -> io::Result<bool> {
    let mode = file.mode();
    if mode & OTHERS != 0 {
        return Ok(true);
    }
    if mode & GROUP == 0 || getegid().as_raw() == file.gid() {
        return Ok(false);
    }
    if getgroups()?.iter().any(|group| group.as_raw() == file.gid()) {
        return Ok(false);
    }
    Ok(!geteuid().is_root() || fs::metadata(folder)?.gid() != file.gid())
}

/// Gives the draft to the owner of the file before it, and to its group where the group may read that file.
///
/// # Errors
/// The owner would lose access: this process may not give files away, and the group may not read the file.
pub(super) fn inherit(draft: &File, before: &Metadata) -> io::Result<()> {
    let (made, shared) = (draft.metadata()?, before.mode() & GROUP_KEEPS);
    let is_same_owner = made.uid() == before.uid();
    if !is_same_owner || (shared != 0 && made.gid() != before.gid()) {
        let given = fchown(draft, (!is_same_owner).then(|| before.uid()), Some(before.gid()));
        match given {
            Err(_) if shared != 0 => fchown(draft, None, Some(before.gid()))?,
            given => given?,
        }
    }
    draft.set_permissions(Permissions::from_mode(0o600 | shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group that no process of these tests is in.
    const FOREIGN: u32 = 64_321;

    #[test]
    fn only_others_and_foreign_groups_expose_a_key() {
        let folder = testkit::folder();
        let path = folder.path().join("key");
        fs::write(&path, "").unwrap();
        let is_exposed = |mode: u32| {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            is_exposed(&fs::metadata(&path).unwrap(), folder.path()).unwrap()
        };
        for mode in [0o600, 0o400, 0o640, 0o440, 0o660] {
            assert!(!is_exposed(mode), "{mode:o}");
        }
        for mode in [0o604, 0o644, 0o602, 0o601, 0o666] {
            assert!(is_exposed(mode), "{mode:o}");
        }
        if std::os::unix::fs::chown(&path, None, Some(FOREIGN)).is_err() {
            kit::output::out("skipped: only root can give a file to a foreign group");
            return;
        }
        assert!(!is_exposed(0o600));
        for mode in [0o640, 0o440, 0o620] {
            assert!(is_exposed(mode), "{mode:o}");
        }
        // The folder is the service's, and root works on it.
        std::os::unix::fs::chown(folder.path(), None, Some(FOREIGN)).unwrap();
        assert!(!is_exposed(0o640));
    }

    #[test]
    fn new_file_keeps_owner_group_and_readers() {
        let folder = testkit::folder();
        let [before, draft] = ["before", "draft"].map(|name| folder.path().join(name));
        fs::write(&before, "").unwrap();
        for (mode, kept) in [(0o600, 0o600), (0o400, 0o600), (0o640, 0o640), (0o440, 0o640), (0o660, 0o660)] {
            fs::set_permissions(&before, Permissions::from_mode(mode)).unwrap();
            inherit(&File::create(&draft).unwrap(), &fs::metadata(&before).unwrap()).unwrap();
            assert_eq!(fs::metadata(&draft).unwrap().mode() & 0o777, kept, "{mode:o}");
        }
        if std::os::unix::fs::chown(&before, Some(65532), Some(FOREIGN)).is_err() {
            kit::output::out("skipped: only root can give files away");
            return;
        }
        inherit(&File::create(&draft).unwrap(), &fs::metadata(&before).unwrap()).unwrap();
        let made = fs::metadata(&draft).unwrap();
        assert_eq!((made.uid(), made.gid()), (65532, FOREIGN));
    }
}
