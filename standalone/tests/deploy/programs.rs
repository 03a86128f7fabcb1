//! Programs of the system that a test runs if they are installed.

use std::path::{Path, PathBuf};

use super::pair::tool;

/// Folders of programs for administrators, which are often not on PATH.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Returns the path of a program. Prints a note and returns `None` if it is not installed.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = tool("PATH", "");
    let found = path.split(':').chain(FOLDERS).map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: {name} is not installed");
    }
    found
}

/// Returns a file or folder of `deploy/`.
pub(super) fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path).canonicalize().unwrap()
}
