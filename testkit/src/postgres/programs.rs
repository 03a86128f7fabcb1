//! Paths of the system's `initdb` and `postgres`.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::PostgresError;
use super::variable::variable;

/// Debian's folder with a folder for each version, outside of `PATH`.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";

/// Returns the folder with both programs: the first on `PATH`, or else Debian's newest version.
pub(super) fn find() -> Result<PathBuf, PostgresError> {
    let path = variable("PATH").unwrap_or_default();
    let versions =
        by_version(fs::read_dir(DEBIAN_FOLDER).into_iter().flatten().flatten().map(|entry| entry.path()).collect());
    let mut folders = path.split(':').map(PathBuf::from).chain(versions.into_iter().map(|version| version.join("bin")));
    folders
        .find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
        .ok_or(PostgresError::Missing)
}

/// Returns the path of another program of the same version.
pub(super) fn beside(folder: &Path, name: &str) -> PathBuf {
    let server = fs::canonicalize(folder.join("postgres")).unwrap_or_default();
    let own = server.parent().map(|folder| folder.join(name)).filter(|program| program.is_file());
    own.unwrap_or_else(|| folder.join(name))
}

/// Returns the folders of versions, newest first; omits other folders.
fn by_version(folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let number = |folder: &Path| folder.file_name()?.to_str()?.parse::<f32>().ok();
    let mut known: Vec<_> =
        folders.into_iter().filter_map(|folder| number(&folder).map(|number| (number, folder))).collect();
    known.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    known.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_version_comes_first() {
        let folders = ["/a/9.6", "/a/15", "/a/lib", "/a/100"].map(PathBuf::from).to_vec();
        assert_eq!(by_version(folders), ["/a/100", "/a/15", "/a/9.6"].map(PathBuf::from));
    }
}
