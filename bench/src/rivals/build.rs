//! Programs of the rivals, which `bench/rivals/build` makes once and keeps.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::task::block_in_place;

use crate::Failure;

/// Script that builds a rival and prints the folder of its programs.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rivals/build");

/// Builds the programs in this folder of `bench/rivals`, unless they are there. Returns the folder with the programs.
///
/// # Errors
/// Fails with the last line of the script's output if a tool is missing or a build fails.
pub(super) fn build(name: &str) -> Result<PathBuf, Failure> {
    let output = block_in_place(|| Command::new(SCRIPT).arg(name).stdin(Stdio::null()).output())?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let last = text.lines().last().unwrap_or("no output");
        return Err(format!("`bench/rivals/build {name}` failed: {last}").into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().last().ok_or("bench/rivals/build printed no folder")?.into())
}

/// Returns the version that the build has noted.
pub(super) fn version(folder: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(folder.join("version"))?.trim().to_owned())
}
