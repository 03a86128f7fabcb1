//! Access rights of a new file for signing keys.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

/// Group bits that a new file inherits: read and write.
const INHERITED_GROUP_BITS: u32 = 0o060;

/// Gives the draft the owner of the file that it replaces. It also gets that file's group, if the group can read or
/// write the file.
///
/// # Errors
/// Fails if the owner would lose access: this process is not allowed to change owners, and the group has no access to
/// the file.
pub(super) fn inherit(draft: &File, before: &Metadata) -> io::Result<()> {
    let (made, shared) = (draft.metadata()?, before.mode() & INHERITED_GROUP_BITS);
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
    use std::fs;

    use super::*;

    /// Group that no process of these tests belongs to.
    const FOREIGN: u32 = 64_321;

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
