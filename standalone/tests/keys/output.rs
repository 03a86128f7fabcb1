//! A command and its output.

use std::path::Path;
use std::process::Output;

use super::pair::gatepost;
use super::pair::watch::{secrets, shows};

/// Exit code and output of a command.
pub(super) struct CommandOutput {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
    /// Audit lines, which [`keys`] moves here from standard error; `err` has the other lines.
    pub(super) audit: Vec<String>,
}

impl CommandOutput {
    /// Returns the output of a command that has ended.
    pub(super) fn from_process(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            audit: Vec::new(),
        }
    }
}

/// Runs `gatepost keys` on this database; its output must not contain a secret.
pub(super) fn keys(url: &str, settings: &[(&str, &str)], args: &[&str]) -> CommandOutput {
    let mut command = gatepost();
    command.arg("keys").args(args).env("AUTH_DATABASE_URL", url).envs(settings.iter().copied());
    let mut output = CommandOutput::from_process(&command.output().unwrap());
    let file = Path::new(url.trim_start_matches("sqlite:")).with_extension("key.pem");
    let hidden = secrets(settings, &file);
    for line in output.out.lines().chain(output.err.lines()) {
        assert!(!shows(line, &hidden), "a secret is in the output: {line}");
    }
    let lines = output.err.split_inclusive('\n').map(str::to_owned);
    let (audit, said): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains(" gatepost::audit: "));
    (output.audit, output.err) = (audit, said.concat());
    output
}

/// Runs a command that must succeed, and returns its lines on standard output.
pub(super) fn done(url: &str, settings: &[(&str, &str)], args: &[&str]) -> Vec<String> {
    let output = keys(url, settings, args);
    assert_eq!(output.code, 0, "{args:?}: {}", output.err);
    output.out.lines().map(str::to_owned).collect()
}

/// Returns id, algorithm and state of each key that `list` prints.
pub(super) fn listed(url: &str) -> Vec<[String; 3]> {
    let lines = done(url, &[], &["list"]);
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["KID", "ALGORITHM", "STATE", "SIGNS", "FROM", "SIGNS", "UNTIL", "VERIFIES", "UNTIL"]
    );
    let columns = |line: &String| {
        let mut columns = line.split_whitespace().map(str::to_owned);
        [(); 3].map(|()| columns.next().unwrap())
    };
    lines[1..].iter().map(columns).collect()
}
