//! One service as a process, which can be paused, resumed, killed, and started again at its address.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;

use crate::Failure;
use crate::services::{Killed, addresses, channel, command};

/// Time limit until a process is paused, and the interval between checks.
const PAUSE_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The command line and environment of a service.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program `gatepost`.
    pub program: PathBuf,
    /// `auth` or `blog`.
    pub command: &'static str,
    /// Arguments, without the address.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(&'static str, String)>,
    /// The file for the service's log.
    pub log: PathBuf,
}

/// The process group of a service. A terminal sends Ctrl-C to its whole group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProcessGroup {
    /// The group of this program: Ctrl-C also ends the service.
    Ours,
    /// A group of its own: Ctrl-C reaches only this program.
    Own,
}

/// A running service. Dropping the value kills the process, even if it is paused.
#[derive(Debug)]
pub struct Process {
    setup: Setup,
    /// The process; `None` after it was killed or stopped.
    child: Option<Killed>,
    address: SocketAddr,
    group: ProcessGroup,
}

impl Process {
    /// Starts the service on a free port of the loopback, and waits until it listens. Needs a runtime of several
    /// threads.
    ///
    /// # Errors
    /// Fails if the service does not start.
    pub fn start(setup: Setup) -> Result<Self, Failure> {
        Self::start_in(setup, SocketAddr::from(([127, 0, 0, 1], 0)), ProcessGroup::Ours)
    }

    /// Starts the service at this address, and waits until it listens. Needs a runtime of several threads, or a thread
    /// without a runtime.
    ///
    /// # Errors
    /// Fails if the service does not start.
    pub fn start_at(setup: Setup, listen: SocketAddr) -> Result<Self, Failure> {
        Self::start_in(setup, listen, ProcessGroup::Ours)
    }

    /// Starts the service like [`Self::start`], in a process group of its own. This program must handle Ctrl-C, since
    /// otherwise the service survives it.
    ///
    /// # Errors
    /// Fails if the service does not start.
    pub fn start_apart(setup: Setup) -> Result<Self, Failure> {
        Self::start_in(setup, SocketAddr::from(([127, 0, 0, 1], 0)), ProcessGroup::Own)
    }

    fn start_in(setup: Setup, listen: SocketAddr, group: ProcessGroup) -> Result<Self, Failure> {
        let (child, address) = launch(&setup, listen, group)?;
        Ok(Self { setup, child: Some(child), address, group })
    }

    /// Returns the address on which the service listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the id of the process.
    ///
    /// # Errors
    /// Fails if the process was killed or stopped.
    pub fn id(&self) -> Result<u32, Failure> {
        Ok(self.child.as_ref().ok_or("the process has been killed")?.0.id())
    }

    /// Opens a new connection to the service.
    ///
    /// # Errors
    /// Fails if the service accepts no connection.
    pub async fn channel(&self) -> Result<Channel, Failure> {
        channel(&self.address.to_string()).await
    }

    /// Pauses the process, like a frozen machine: its connections stay open, and it does not answer. Waits until it is
    /// paused.
    ///
    /// # Errors
    /// Fails if the process has ended, or does not pause.
    pub async fn pause(&self) -> Result<(), Failure> {
        let id = self.signal(Signal::STOP)?;
        let stands = async {
            // The state comes after the name, which may contain anything (`proc_pid_stat(5)`).
            while !fs::read_to_string(format!("/proc/{id}/stat"))?.rsplit(')').next().unwrap_or("").starts_with(" T") {
                sleep(PAUSE_POLL_INTERVAL).await;
            }
            Ok(())
        };
        timeout(PAUSE_TIMEOUT, stands).await.map_err(|_| "the process does not pause")?
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// Fails if the process has ended.
    pub fn resume(&self) -> Result<(), Failure> {
        self.signal(Signal::CONT).map(drop)
    }

    /// Kills the process, and waits until it has ended.
    ///
    /// # Errors
    /// Fails if the process had ended before.
    pub fn kill(&mut self) -> Result<(), Failure> {
        let mut child = self.child.take().ok_or("the process has been killed before")?;
        if let Some(status) = child.0.try_wait()? {
            return Err(format!("a service has ended by itself: {status}").into());
        }
        child.0.kill()?;
        child.0.wait()?;
        Ok(())
    }

    /// Asks the process to stop, and waits until it has ended. Needs a runtime of several threads.
    ///
    /// # Errors
    /// Fails if the service does not stop cleanly.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.signal(Signal::TERM)?;
        let mut child = self.child.take().ok_or("the process has been killed before")?;
        let status = block_in_place(|| child.0.wait())?;
        if status.success() { Ok(()) } else { Err(format!("a service has stopped with {status}").into()) }
    }

    /// Starts the service again after a kill or a stop, with its data and at its address.
    ///
    /// # Errors
    /// Fails if the service does not start.
    pub fn start_again(&mut self) -> Result<(), Failure> {
        let (child, _) = launch(&self.setup, self.address, self.group)?;
        self.child = Some(child);
        Ok(())
    }

    /// Returns the program that the service runs.
    pub fn program(&self) -> &Path {
        &self.setup.program
    }

    /// Stops the service, and starts it from another program, with its data and at its address. Needs a runtime of
    /// several threads.
    ///
    /// # Errors
    /// Fails if the service does not stop cleanly, or does not start.
    pub fn replace(&mut self, program: PathBuf) -> Result<(), Failure> {
        self.stop()?;
        self.setup.program = program;
        self.start_again()
    }

    /// Sends a signal, and returns the process id.
    fn signal(&self, signal: Signal) -> Result<i32, Failure> {
        let id = i32::try_from(self.id()?)?;
        kill_process(Pid::from_raw(id).ok_or("no process")?, signal)?;
        Ok(id)
    }
}

fn launch(setup: &Setup, listen: SocketAddr, group: ProcessGroup) -> Result<(Killed, SocketAddr), Failure> {
    block_in_place(|| {
        let mut command = command(&setup.program, &setup.log)?;
        if group == ProcessGroup::Own {
            command.process_group(0);
        }
        command.arg(setup.command).arg("--listen").arg(listen.to_string()).args(&setup.arguments);
        command.envs(setup.environment.iter().map(|(name, value)| (name, value)));
        let mut child = Killed(command.spawn()?);
        let [address] = addresses(&mut child.0, [&format!("{}-service", setup.command)])?;
        Ok((child, address.parse()?))
    })
}
