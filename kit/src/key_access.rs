//! Access rights of files with private keys.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::{getegid, geteuid, getgroups};

/// Permission bits of other users.
const OTHERS_BITS: u32 = 0o007;

/// Permission bits of the group.
const GROUP_BITS: u32 = 0o070;

/// Returns true if users other than the owner and this process's own groups can use the file.
///
/// Kubernetes gives a volume's files to the group `fsGroup`, which is one of the service's groups, with mode 0660 or
/// 0440. Root works on a service's files without being in its groups, so for root the group of the file's folder counts
/// as well.
///
/// # Errors
/// Fails if the system does not report the process's groups, or the folder's.
pub fn is_exposed(file: &Metadata, folder: &Path) -> io::Result<bool> {
    let mode = file.mode();
    if mode & OTHERS_BITS != 0 {
        return Ok(true);
    }
    if mode & GROUP_BITS == 0 || getegid().as_raw() == file.gid() {
        return Ok(false);
    }
    if getgroups()?.iter().any(|group| group.as_raw() == file.gid()) {
        return Ok(false);
    }
    Ok(!geteuid().is_root() || fs::metadata(folder)?.gid() != file.gid())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Group that no process of these tests belongs to.
    const FOREIGN: u32 = 64_321;

    #[test]
    fn only_others_and_foreign_groups_expose_a_key() {
        let folder = tempfile::tempdir().unwrap();
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
            crate::output::out("skipped: only root can give a file to a foreign group");
            return;
        }
        assert!(!is_exposed(0o600));
        for mode in [0o640, 0o440, 0o620] {
            assert!(is_exposed(mode), "{mode:o}");
        }
        // The folder belongs to the service's group, and root works on it.
        std::os::unix::fs::chown(folder.path(), None, Some(FOREIGN)).unwrap();
        assert!(!is_exposed(0o640));
    }
}
