//! A separate process that cleans up: this process may be killed, and statics are never dropped.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::account::ServerAccount;

const SCRIPT: &str = include_str!("watchdog.sh");

/// Shell command that waits for a line before it runs the program. So the watchdog knows the process before the program
/// starts.
const GATE: &str = r#"read -r go && exec "$@" </dev/null"#;

/// The watchdog of one server, and the folder that it removes.
pub(super) struct Watchdog {
    child: Child,
    /// Pipe that only this process holds: children do not inherit the pipes of Rust's standard library.
    pipe: Option<ChildStdin>,
    account: Option<ServerAccount>,
    folder: PathBuf,
}

impl Watchdog {
    /// Starts the watchdog, which creates its folder below `base`.
    pub(super) fn start(base: &Path, account: Option<ServerAccount>) -> io::Result<Self> {
        let mut command = apart(account);
        command.arg(SCRIPT).arg("gatepost-watchdog").arg(base).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let mut folder = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut folder)?;
        }
        let (pipe, folder) = (child.stdin.take(), PathBuf::from(folder.trim_end()));
        if folder.as_os_str().is_empty() {
            return Err(io::Error::other(format!("no folder can be made in {}", base.display())));
        }
        Ok(Self { child, pipe, account, folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a program of the server in a new session. An argument must contain the folder: the watchdog recognizes its
    /// processes by the folder.
    pub(super) fn run(&mut self, program: &Path, arguments: &[String], log: File) -> io::Result<Child> {
        let mut command = apart(self.account);
        command.arg(GATE).arg("gatepost-gate").arg(program).args(arguments);
        let mut child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        if let Some(pipe) = &mut self.pipe {
            writeln!(pipe, "{}", child.id())?;
        }
        if let Some(mut gate) = child.stdin.take() {
            gate.write_all(b"go\n")?;
        }
        Ok(child)
    }

    /// Makes the watchdog clean up, and waits for its end.
    pub(super) fn end(&mut self) {
        drop(self.pipe.take());
        let _ = self.child.wait();
    }
}

/// Returns a shell command in a new session, as this account, in a folder that all accounts may enter.
fn apart(account: Option<ServerAccount>) -> Command {
    let mut command = Command::new("setsid");
    command.args(["sh", "-c"]).current_dir("/").env("LC_ALL", "C").stdin(Stdio::piped());
    for name in ["PGDATA", "PGPORT", "PGHOST", "PGOPTIONS", "PG_COLOR"] {
        command.env_remove(name);
    }
    if let Some(account) = account {
        account.apply(&mut command);
    }
    command
}
