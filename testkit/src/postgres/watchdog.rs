//! The one who cleans up: a process of its own, since this one may be killed, and statics are never dropped.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::account::Account;

const SCRIPT: &str = include_str!("watchdog.sh");

/// Waits for a line before it becomes the program, so that the watchdog knows the process before there is anything to do.
const GATE: &str = r#"read -r go && exec "$@" </dev/null"#;

/// The watchdog of one server, and the folder that it removes.
pub(super) struct Watchdog {
    child: Child,
    /// What this process alone holds: the standard library opens its pipes so that no other child inherits them.
    pipe: Option<ChildStdin>,
    account: Option<Account>,
    folder: PathBuf,
}

impl Watchdog {
    /// Starts it, and has it make the folder, below `base`.
    pub(super) fn start(base: &Path, account: Option<Account>) -> io::Result<Self> {
        let mut command = apart(account);
        command.arg(SCRIPT).arg("gatepost-watchdog").arg(base).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let mut folder = String::new();
        if let Some(said) = child.stdout.take() {
            BufReader::new(said).read_line(&mut folder)?;
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

    /// Runs a program of the server, in a session of its own. The folder must be part of an argument: the watchdog knows
    /// its processes by that.
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

    /// Lets it do its work, and waits until it has.
    pub(super) fn end(&mut self) {
        drop(self.pipe.take());
        let _ = self.child.wait();
    }
}

/// A shell in a session of its own, as this account and in a folder that everybody may be in.
fn apart(account: Option<Account>) -> Command {
    let mut command = Command::new("setsid");
    command.args(["sh", "-c"]).current_dir("/").env("LC_ALL", "C").stdin(Stdio::piped());
    for name in ["PGDATA", "PGPORT", "PGHOST", "PGOPTIONS", "PG_COLOR"] {
        command.env_remove(name);
    }
    if let Some(account) = account {
        account.take_on(&mut command);
    }
    command
}
