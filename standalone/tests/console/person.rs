//! A person at a terminal, with a home folder: each output is searched for secrets.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::pair::watch::shows;
use super::pair::{PASSWORD, folder, gatepost};

/// Second password of the tests.
pub(super) const NEW_PASSWORD: &str = "thicket marimba oblong 42";

/// Exit code and output of a command.
#[derive(Debug)]
pub(super) struct CommandResult {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

/// A person with a home folder, and flags that select a service or a database.
pub(super) struct Person {
    home: TempDir,
    /// Flags and variables of each command.
    pub(super) way: Vec<String>,
    pub(super) variables: Vec<(&'static str, String)>,
}

impl Person {
    pub(super) fn new() -> Self {
        Self { home: folder(), way: Vec::new(), variables: Vec::new() }
    }

    /// Returns the path of the file with the credentials.
    pub(super) fn credentials(&self) -> PathBuf {
        self.home.path().join(".config/gatepost/credentials.json")
    }

    /// Returns the credentials; null if the file is damaged.
    pub(super) fn stored(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.credentials()).unwrap()).unwrap_or_default()
    }

    /// Changes the credentials, as another program would.
    pub(super) fn change_stored(&self, change: impl FnOnce(&mut Value)) {
        let mut stored = self.stored();
        change(&mut stored);
        fs::write(self.credentials(), stored.to_string()).unwrap();
    }

    /// Returns a command of this person.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = gatepost();
        command.args(args).args(&self.way).env("HOME", self.home.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command with this input.
    pub(super) fn run(&self, args: &[&str], input: &str) -> CommandResult {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        // A command that is refused ends without reading the input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        self.checked(&child.wait_with_output().unwrap())
    }

    /// Runs a command whose result is a secret, which only standard output may show.
    #[track_caller]
    pub(super) fn secret_result(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        let secret = String::from_utf8(output.stdout.clone()).unwrap();
        let result = self.checked(&Output { stdout: Vec::new(), ..output });
        assert_eq!(result.code, 0, "{args:?}: {}", result.err);
        secret
    }

    /// Reads the output of a command, which must show no password, no token and no key.
    pub(super) fn checked(&self, output: &Output) -> CommandResult {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let result =
            CommandResult { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) };
        let mut secrets = vec![PASSWORD.to_owned(), NEW_PASSWORD.to_owned()];
        if self.credentials().exists() {
            let logins = self.stored()["logins"].clone();
            for login in logins.as_object().into_iter().flatten().map(|(_, login)| login) {
                let tokens = ["access_token", "refresh_token"].map(|name| login[name].as_str().unwrap().to_owned());
                secrets.extend(tokens.into_iter().filter(|token| !token.is_empty()));
            }
        }
        for line in result.out.lines().chain(result.err.lines()) {
            assert!(!shows(line, &secrets) && !line.contains("gpr_"), "a secret is in the output: {line}");
        }
        result
    }

    /// Runs a command that must succeed, and returns its standard output.
    #[track_caller]
    pub(super) fn done(&self, args: &[&str]) -> String {
        let result = self.run(args, "");
        assert_eq!(result.code, 0, "{args:?}: {}", result.err);
        result.out
    }

    /// Runs a command that must succeed, and returns its document.
    #[track_caller]
    pub(super) fn document(&self, args: &[&str]) -> Value {
        let text = self.done(&[args, &["--output", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }

    /// Runs a command that must end with this exit code, and returns its standard error.
    #[track_caller]
    pub(super) fn refused(&self, code: i32, args: &[&str]) -> String {
        let result = self.run(args, "");
        assert_eq!((result.code, result.out.as_str()), (code, ""), "{args:?}: {}", result.err);
        assert!(result.err.starts_with("gatepost: ") && result.err.ends_with('\n'), "{args:?}: {}", result.err);
        result.err
    }

    /// Logs in at the service.
    #[track_caller]
    pub(super) fn log_in(&self, url: &str, email: &str, password: &str) {
        let result = self.run(&["login", "--auth-url", url, "--email", email], password);
        assert_eq!(result.code, 0, "{}", result.err);
    }
}
