//! Where the system has its `initdb` and `postgres`.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::variable::variable;

/// Debian keeps each version's programs in a folder of its own, on nobody's `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder with both programs: the first on `PATH`, or else Debian's newest version.
pub(super) fn find() -> Result<PathBuf, Error> {
    let path = variable("PATH").unwrap_or_default();
    let versions = by_version(fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path()).collect());
    let mut folders = path.split(':').map(PathBuf::from).chain(versions.into_iter().map(|version| version.join("bin")));
    folders.find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file())).ok_or(Error::Missing)
}

/// Another program of the same version, which need not be on `PATH`.
pub(super) fn beside(folder: &Path, name: &str) -> PathBuf {
    let server = fs::canonicalize(folder.join("postgres")).unwrap_or_default();
    let own = server.parent().map(|folder| folder.join(name)).filter(|program| program.is_file());
    own.unwrap_or_else(|| folder.join(name))
}

/// The newest version's folder first; what is no version is left out.
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
    fn the_newest_version_comes_first() {
        let folders = ["/a/9.6", "/a/15", "/a/lib", "/a/100"].map(PathBuf::from).to_vec();
        assert_eq!(by_version(folders), ["/a/100", "/a/15", "/a/9.6"].map(PathBuf::from));
    }
}
