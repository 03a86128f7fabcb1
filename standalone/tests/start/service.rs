//! A service as a process of its own; its whole output is read and searched for secrets.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::pair::gatepost;
use super::pair::watch::{Watch, secrets};

/// Two different keys of 32 random bytes in base64.
pub(super) const MASTER_KEY: &str = "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM=";
pub(super) const OTHER_MASTER_KEY: &str = "v0xYwfZ1n4C9Xl0mJd3hQp7uTt2sKe8rBb6gMy5aHcE=";

/// Settings of an auth service on PostgreSQL.
pub(super) const SEALED: [(&str, &str); 1] = [("AUTH_MASTER_KEY", MASTER_KEY)];

/// Limit for a line on a busy machine.
const LINE_TIMEOUT: Duration = Duration::from_mins(1);

/// One of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Auth,
    Blog,
}

pub(super) const BOTH: [Which; 2] = [Which::Auth, Which::Blog];

impl Which {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Blog => "blog",
        }
    }

    /// Returns the service's settings on PostgreSQL.
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Auth => &SEALED,
            Self::Blog => &[],
        }
    }
}

/// Returns the URL of a database file.
pub(super) fn file(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Returns the command that runs the service on this database.
pub(super) fn command(which: Which, url: &str) -> Command {
    command_at(which, url, "127.0.0.1:0")
}

/// Returns the command that runs the service on this database, at this address.
pub(super) fn command_at(which: Which, url: &str, listen: &str) -> Command {
    let mut command = gatepost();
    command.args([which.name(), "--listen", listen, "--database-url", url]).env("RUST_LOG", "trace");
    command
}

/// A running service, killed when dropped; its output must contain no secret.
pub(super) struct Service {
    child: Child,
    watch: Watch,
    lines: Receiver<String>,
}

impl Service {
    /// Starts the service on this database, with a master key where it needs one.
    pub(super) fn start(which: Which, url: &str) -> Self {
        let settings = if url.starts_with("postgres") { which.settings() } else { &[] };
        Self::start_with(which, url, settings)
    }

    /// Starts the service with these settings alone.
    pub(super) fn start_with(which: Which, url: &str, settings: &[(&str, &str)]) -> Self {
        let hidden = secrets(settings, Path::new("no key file"));
        Self::spawn(command(which, url).envs(settings.iter().copied()), hidden)
    }

    /// Starts a complete command; its output must not contain the hidden texts.
    pub(super) fn spawn(command: &mut Command, hidden: Vec<String>) -> Self {
        let mut child = command.spawn().unwrap();
        let (watch, lines) = Watch::over(&mut child);
        watch.look_for(hidden);
        Self { child, watch, lines }
    }

    /// Waits for a line that has one of these parts.
    pub(super) fn wait_for_line(&mut self, parts: &[&str]) -> String {
        let mut last = String::new();
        loop {
            let line = self.lines.recv_timeout(LINE_TIMEOUT);
            let line =
                line.unwrap_or_else(|error| panic!("no line has one of {parts:?} ({error}); the last line: {last}"));
            if parts.iter().any(|part| line.contains(part)) {
                return line;
            }
            last = line;
        }
    }

    /// Waits until the service serves, and returns its address.
    pub(super) fn serves(&mut self) -> String {
        let line = self.wait_for_line(&["-service listening on ", "gatepost: "]);
        let address = line.split_once("listening on ");
        address.unwrap_or_else(|| panic!("the service does not serve: {line}")).1.to_owned()
    }

    /// Waits until the service serves or has ended; returns `true` if it serves.
    pub(super) fn serves_or_ends(&mut self) -> bool {
        let mut until = std::iter::from_fn(|| self.lines.recv_timeout(LINE_TIMEOUT).ok());
        until.any(|line| line.contains("-service listening on "))
    }

    /// Waits until the service ends by itself with this exit code, and returns the reason.
    pub(super) fn refuses(mut self, code: i32) -> String {
        let line = self.wait_for_line(&["gatepost: ", "-service listening on "]);
        let why = line.strip_prefix("gatepost: ").unwrap_or_else(|| panic!("the service serves: {line}"));
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{why}");
        why.to_owned()
    }

    pub(super) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the end of the service; returns its exit code, or `None` if it was killed.
    pub(super) fn code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Asks the service to stop, and waits until it has.
    pub(super) fn stop(self) {
        self.signal(Signal::TERM);
        assert_eq!(self.code(), Some(0));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let found = self.watch.found();
        assert!(found.is_empty() || std::thread::panicking(), "a secret, or a panic, is in the output:\n{found:#?}");
    }
}
