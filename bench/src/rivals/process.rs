//! A rival's processes: their start, their memory, and their end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::Failure;

/// Time limit of a start, and the interval between the questions for a first answer.
const START_TIMEOUT: Duration = Duration::from_mins(3);
const START_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Time limit of a stop. A process that exceeds it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A program of a rival, with the processes that it has started. Dropping the value kills all of them.
#[derive(Debug)]
pub(super) struct RivalProcess(Child);

impl RivalProcess {
    /// Starts a program. Its log goes to this file, and its standard output is piped.
    pub(super) fn spawn(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let log = File::options().create(true).append(true).open(log)?;
        let program = command.get_program().to_owned();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn();
        Ok(Self(child.map_err(|error| format!("{}: cannot be started: {error}", program.display()))?))
    }

    /// Starts a program like [`spawn`](Self::spawn), with its standard output in the log, too.
    pub(super) fn spawn_quiet(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let file = File::options().create(true).append(true).open(log)?;
        let program = command.get_program().to_owned();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn();
        Ok(Self(child.map_err(|error| format!("{}: cannot be started: {error}", program.display()))?))
    }

    /// Returns the process, to read its standard output.
    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Asks again and again until an answer is correct.
    ///
    /// # Errors
    /// Fails if the process ends, or gives no correct answer in time.
    pub(super) async fn first_answer<F>(&mut self, ask: impl Fn() -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        let began = Instant::now();
        loop {
            let Err(failure) = ask().await else { return Ok(()) };
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("the program has ended before its first answer: {status}").into());
            }
            if began.elapsed() > START_TIMEOUT {
                return Err(format!("no correct answer after {} s: {failure}", START_TIMEOUT.as_secs()).into());
            }
            sleep(START_POLL_INTERVAL).await;
        }
    }

    /// Returns the resident memory of the process and its descendants, in MiB. Shared pages count in each process.
    pub(super) fn memory(&self) -> Result<f64, Failure> {
        let mut kilobytes = 0.0;
        for id in tree(self.0.id())? {
            // A descendant may have ended.
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            if let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmRSS:")) {
                kilobytes += line.trim().trim_end_matches(" kB").parse::<f64>()?;
            }
        }
        Ok(kilobytes / 1024.0)
    }

    /// Asks the process to stop, and waits until it has ended or the time limit has passed.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        signal(self.0.id(), Signal::TERM);
        let asked = Instant::now();
        while self.0.try_wait()?.is_none() && asked.elapsed() < STOP_TIMEOUT {
            sleep(STOP_POLL_INTERVAL).await;
        }
        Ok(())
    }
}

impl Drop for RivalProcess {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        for id in tree(self.0.id()).unwrap_or_else(|_| vec![self.0.id()]) {
            signal(id, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// Sends a signal. A process that has ended takes none.
fn signal(id: u32, signal: Signal) {
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process(id, signal);
    }
}

/// Returns a process and its descendants.
fn tree(root: u32) -> Result<Vec<u32>, Failure> {
    let mut children = BTreeMap::<u32, Vec<u32>>::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(id) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // The name in field 2 may contain anything, so the fields are counted from its end: the state, the parent.
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(id);
        }
    }
    let (mut found, mut next) = (vec![root], 0);
    while let Some(id) = found.get(next) {
        found.extend(children.get(id).into_iter().flatten().copied().collect::<Vec<_>>());
        next += 1;
    }
    Ok(found)
}

/// Returns a free address of the loopback, for programs that cannot choose one and tell it.
pub(super) fn free_address() -> Result<String, Failure> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string())
}

/// Returns the port of an address.
pub(super) fn port(address: &str) -> Result<&str, Failure> {
    Ok(address.rsplit(':').next().ok_or("an address has no port")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_and_end_include_descendants() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "(sleep 20; echo alive) & echo $!; wait"]);
        let mut process = RivalProcess::spawn(command, &folder.path().join("log")).unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(process.child().stdout.take().unwrap()));
        let child: u32 = lines.next().unwrap().unwrap().parse().unwrap();
        assert_eq!(tree(process.0.id()).unwrap()[..2], [process.0.id(), child]);
        assert!(process.memory().unwrap() > 0.0);
        drop(process);
        // The output ends with the last process that holds it.
        assert!(lines.next().is_none(), "a descendant has survived");
    }
}
