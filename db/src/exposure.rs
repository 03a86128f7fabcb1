//! Finds a data folder that others can read, and a server with an unchecked certificate.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::DatabaseUrl;

/// Bits of a folder's mode for its group and for others.
const GROUP_AND_OTHERS_MASK: u32 = 0o077;

/// Logs a warning about an exposure.
pub(super) fn warn(url: &DatabaseUrl) {
    if let Some(exposure) = find(url) {
        tracing::warn!("{exposure}");
    }
}

/// Returns a sentence about the exposure of the database, with what to do.
pub(super) fn find(url: &DatabaseUrl) -> Option<String> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let (mode, folder) = (mode_for_others(folder(path))?, folder(path).display());
            Some(format!(
                "the data folder {folder} is open to other users of this machine (mode {mode:04o}): run `chmod go= {folder}`"
            ))
        }
        DatabaseUrl::Postgres(server) if server.is_unverified() => Some(format!(
            "sslmode=require encrypts and checks no certificate, so that {url} may be another server: use sslmode=verify-full"
        )),
        DatabaseUrl::Postgres(_) => None,
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns the folder's mode if it has bits for its group or for others.
fn mode_for_others(folder: &Path) -> Option<u32> {
    let mode = fs::metadata(folder).ok()?.permissions().mode() & 0o7777;
    (mode & GROUP_AND_OTHERS_MASK != 0).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_with_bits_for_others_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, open) in [(0o700, false), (0o500, false), (0o710, true), (0o750, true), (0o701, true), (0o755, true)]
        {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(mode_for_others(folder.path()), open.then_some(mode), "{mode:o}");
        }
        assert_eq!(super::folder(Path::new("auth.db")), Path::new("."));
    }
}
