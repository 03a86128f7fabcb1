//! A process of ours: its standard output is read, and the test provides its standard error.

use std::io::{BufRead as _, BufReader, PipeReader, pipe};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::http::get;

use super::pair::gatepost;

/// Limit for an event on a busy machine.
const EVENT_LIMIT: Duration = Duration::from_mins(2);

/// A running process, killed when dropped.
pub(super) struct Process {
    child: Child,
    lines: Receiver<String>,
}

/// Returns the command for one service, on a free port and with an operations port.
pub(super) fn service(name: &str, database_url: &str) -> Command {
    service_at(name, database_url, "127.0.0.1:0")
}

/// Returns the command for one service at this address, with an operations port.
pub(super) fn service_at(name: &str, database_url: &str, listen: &str) -> Command {
    let mut command = gatepost();
    command.args([name, "--listen", listen, "--ops-listen", "127.0.0.1:0", "--database-url", database_url]);
    command
}

impl Process {
    /// Starts the command with this standard error, and reads its standard output.
    pub(super) fn start(command: &mut Command, stderr: impl Into<Stdio>) -> Self {
        let (reader, stdout) = pipe().unwrap();
        Self::start_with_pipe(command.stdout(stdout), stderr, reader)
    }

    /// Starts the command, and reads this pipe; only the process has its other end.
    pub(super) fn start_with_pipe(command: &mut Command, stderr: impl Into<Stdio>, reader: PipeReader) -> Self {
        let child = command.stderr(stderr).spawn().unwrap();
        // The command would keep the pipes open, and their readers would wait for an end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, lines) = channel();
        // The channel ends with the process.
        thread::spawn(move || {
            BufReader::new(reader).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        Self { child, lines }
    }

    /// Waits for the next line.
    #[track_caller]
    pub(super) fn line(&self) -> String {
        self.lines.recv_timeout(EVENT_LIMIT).unwrap()
    }

    /// Waits for the line with this prefix, and returns the address after it.
    #[track_caller]
    pub(super) fn address(&self, begin: &str) -> SocketAddr {
        loop {
            let line = self.lines.recv_timeout(EVENT_LIMIT).unwrap_or_else(|error| panic!("{begin}: {error}"));
            if let Some(address) = line.strip_prefix(begin) {
                return address.parse().unwrap();
            }
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub(super) fn wait(&mut self) -> ExitStatus {
        let end = loop {
            if let Err(end) = self.lines.recv_timeout(EVENT_LIMIT) {
                break end;
            }
        };
        assert_eq!(end, RecvTimeoutError::Disconnected, "the process hangs");
        self.child.wait().unwrap()
    }

    /// Asks the process to stop, and waits until it has.
    #[track_caller]
    pub(super) fn stop(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait().code(), Some(0));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the number behind this name on a service's metrics page, once the service shows it.
pub(super) async fn metric(ops: SocketAddr, name: &str) -> u64 {
    loop {
        let page = get(ops, "/metrics").await;
        let mut lines = page.body.lines();
        let number = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        match (page.status, number) {
            (200, Some(number)) => return number,
            (503, _) => {}
            _ => panic!("{name}: {}", page.body),
        }
    }
}

/// Reads the metric until it is at least this.
pub(super) async fn reaches(ops: SocketAddr, name: &str, wanted: u64) {
    while metric(ops, name).await < wanted {}
}
