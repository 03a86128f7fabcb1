//! `gatepost backup` and `gatepost restore` as processes; their output must not contain a secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::pair::gatepost;
use super::pair::watch::{secrets, shows};

/// Exit code and output of a command.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) said: String,
}

/// Returns the command `gatepost backup DIR` or `gatepost restore DIR` with this data folder.
pub(super) fn command(name: &str, backup: &Path, data: &Path) -> Command {
    let mut command = gatepost();
    command.arg(name).arg(backup).env("GATEPOST_DATA_DIR", data).env("RUST_LOG", "trace");
    command
}

/// Runs the command to its end.
pub(super) fn run(command: &mut Command, data: &Path) -> Ended {
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let hidden = secrets(&[], &data.join("auth.key.pem"));
    assert!(!shows(&said, &hidden), "a secret is in the output:\n{said}");
    Ended { code: output.status.code(), said }
}

pub(super) fn backup(backup: &Path, data: &Path) -> Ended {
    run(&mut command("backup", backup, data), data)
}

pub(super) fn restore(backup: &Path, data: &Path) -> Ended {
    run(&mut command("restore", backup, data), data)
}

#[track_caller]
pub(super) fn succeeds(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}", ended.said);
}

/// Returns the single sentence of a refusal with this exit code.
#[track_caller]
pub(super) fn refuses(ended: &Ended, code: i32) -> String {
    assert_eq!(ended.code, Some(code), "{}", ended.said);
    let sentences: Vec<_> = ended.said.lines().filter(|line| line.starts_with("gatepost: ")).collect();
    assert_eq!(sentences.len(), 1, "{}", ended.said);
    sentences[0].to_owned()
}

/// Returns the sorted names in a folder; empty if the folder does not exist.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let listed = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = listed.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
