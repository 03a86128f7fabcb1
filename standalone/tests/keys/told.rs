//! A command and its output.

use std::path::Path;
use std::process::Output;

use super::pair::gatepost;
use super::pair::watch::{secrets, shows};

/// Exit code and output of a command.
pub(super) struct Told {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
    /// Lines of the audit log on standard error, without which `err` is, if the command is one of the keys.
    pub(super) audit: Vec<String>,
}

impl Told {
    /// Returns the output of a command that has ended.
    pub(super) fn by(output: &Output) -> Self {
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
pub(super) fn keys(url: &str, settings: &[(&str, &str)], args: &[&str]) -> Told {
    let mut command = gatepost();
    command.arg("keys").args(args).env("AUTH_DATABASE_URL", url).envs(settings.iter().copied());
    let mut told = Told::by(&command.output().unwrap());
    let file = Path::new(url.trim_start_matches("sqlite:")).with_extension("key.pem");
    let hidden = secrets(settings, &file);
    for line in told.out.lines().chain(told.err.lines()) {
        assert!(!shows(line, &hidden), "a secret is in the output: {line}");
    }
    let lines = told.err.split_inclusive('\n').map(str::to_owned);
    let (audit, said): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains(" gatepost::audit: "));
    (told.audit, told.err) = (audit, said.concat());
    told
}

/// Runs a command that must succeed, and returns its lines on standard output.
pub(super) fn done(url: &str, settings: &[(&str, &str)], args: &[&str]) -> Vec<String> {
    let told = keys(url, settings, args);
    assert_eq!(told.code, 0, "{args:?}: {}", told.err);
    told.out.lines().map(str::to_owned).collect()
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
