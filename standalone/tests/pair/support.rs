//! A pair as a process of its own, on free ports and in a temporary folder.

#[path = "watch.rs"]
pub(super) mod watch;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use watch::Watch;

pub(super) use watch::PASSWORD;

pub(super) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A running `gatepost` with the most detailed log. Dropping it kills the process, and fails the test if the output
/// contains a secret or a panic.
pub(super) struct Pair {
    child: Child,
    watch: Watch,
    pub(super) auth: String,
    pub(super) blog: String,
    /// Operations addresses of the services, if they have any.
    pub(super) auth_ops: Option<String>,
    pub(super) blog_ops: Option<String>,
}

/// Returns the `gatepost` command with an empty environment.
pub(super) fn gatepost() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns a command that becomes `gatepost`, whose log also goes to a file.
pub(super) fn logged_pair(log: &Path) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-c", "exec \"$GATEPOST\" \"$@\" 2> >(exec tee \"$LOG\" >&2)", "gatepost"]).env_clear();
    shell.env("PATH", "/usr/bin:/bin").env("GATEPOST", env!("CARGO_BIN_EXE_gatepost")).env("LOG", log);
    shell.stdin(Stdio::null()).stdout(Stdio::piped());
    shell
}

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Returns a tool or setting from the environment, or `otherwise` if the variable is not set.
#[expect(clippy::disallowed_methods, reason = "scripts/test names its tools in the environment")]
pub(super) fn tool(variable: &str, otherwise: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| otherwise.to_owned())
}

impl Pair {
    /// Starts the pair on this folder, and waits until both services name their addresses.
    pub(super) fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_by(&mut gatepost(), folder, settings)
    }

    /// Starts the pair with a command that runs `gatepost` or replaces itself with it.
    pub(super) fn start_by(command: &mut Command, folder: &Path, settings: &[(&str, &str)]) -> Self {
        command
            .args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .env("RUST_LOG", "trace")
            .envs(settings.iter().copied())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (watch, lines) = Watch::over(&mut child);
        let (mut auth, mut blog, mut auth_ops, mut blog_ops) = (None, None, None, None);
        while auth.is_none() || blog.is_none() {
            let line = lines.recv().expect("both services start");
            // The operations addresses come before the services' own addresses.
            auth_ops = auth_ops.or_else(|| line.strip_prefix("auth-service operations on ").map(str::to_owned));
            blog_ops = blog_ops.or_else(|| line.strip_prefix("blog-service operations on ").map(str::to_owned));
            auth = auth.or_else(|| line.strip_prefix("auth-service listening on ").map(str::to_owned));
            blog = blog.or_else(|| line.strip_prefix("blog-service listening on ").map(str::to_owned));
        }
        let pair = Self { child, watch, auth: auth.unwrap(), blog: blog.unwrap(), auth_ops, blog_ops };
        let data = pair.root().join(folder.strip_prefix("/").unwrap_or(folder));
        pair.watch.look_for(watch::secrets(settings, &data.join("auth.key.pem")));
        pair
    }

    pub(super) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Returns the file system as the pair sees it (proc(5), `root`).
    pub(super) fn root(&self) -> PathBuf {
        format!("/proc/{}/root", self.child.id()).into()
    }

    pub(super) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Returns the nice values of the threads with this name prefix (proc(5), `stat`, field 19).
    pub(super) fn priorities(&self, name: &str) -> Vec<i32> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stats = threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).ok());
        let named = stats.filter(|stat| stat.split_once('(').is_some_and(|(_, rest)| rest.starts_with(name)));
        named
            .map(|stat| stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().parse().unwrap())
            .collect()
    }

    /// Asks the pair to stop, and waits until it has.
    pub(super) fn stop(self) {
        self.signal(Signal::TERM);
        assert!(self.wait().success());
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let found = self.watch.found();
        assert!(found.is_empty() || std::thread::panicking(), "a secret, or a panic, is in the output:\n{found:#?}");
    }
}

/// Runs a command that ends by itself; returns its exit code and standard error.
pub(super) fn fails(command: &mut Command) -> (Option<i32>, String) {
    let mut child = command.spawn().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap().code(), err)
}
