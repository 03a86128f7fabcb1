//! One service in a process of its own, which can be stopped, continued, killed, and started again where it was.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;

use crate::Failure;
use crate::services::{Killed, addresses, channel, command};

/// How long a process may take to stand still, and how often one looks.
const STILL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(1));

/// What is started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program `gatepost`.
    pub program: PathBuf,
    /// `auth` or `blog`.
    pub command: &'static str,
    /// Its arguments, but for where it listens.
    pub arguments: Vec<String>,
    /// Its environment.
    pub environment: Vec<(&'static str, String)>,
    /// The file that takes its log.
    pub log: PathBuf,
}

/// A service that runs; killed when dropped, also while it stands still.
#[derive(Debug)]
pub struct Process {
    setup: Setup,
    /// `None` once it has been killed.
    child: Option<Killed>,
    address: SocketAddr,
}

impl Process {
    /// Starts it on a free port of the loopback, and waits until it listens. For a runtime of several threads.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(setup: Setup) -> Result<Self, Failure> {
        let (child, address) = launch(&setup, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { setup, child: Some(child), address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new connection to it.
    ///
    /// # Errors
    /// When it takes none.
    pub async fn channel(&self) -> Result<Channel, Failure> {
        channel(&self.address.to_string()).await
    }

    /// Makes it stand still, as a frozen machine does: its connections stay open, and nothing answers. Waits until it does.
    ///
    /// # Errors
    /// When it has ended, or does not stand still.
    pub async fn pause(&self) -> Result<(), Failure> {
        let id = self.signal(Signal::STOP)?;
        let stands = async {
            // Behind the name, which may hold anything, the state (`proc_pid_stat(5)`).
            while !fs::read_to_string(format!("/proc/{id}/stat"))?.rsplit(')').next().unwrap_or("").starts_with(" T") {
                sleep(STILL.1).await;
            }
            Ok(())
        };
        timeout(STILL.0, stands).await.map_err(|_| "a stopped process goes on")?
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resume(&self) -> Result<(), Failure> {
        self.signal(Signal::CONT).map(drop)
    }

    /// Kills it, and waits until it has ended.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill(&mut self) -> Result<(), Failure> {
        let mut child = self.child.take().ok_or("the process has been killed before")?;
        if let Some(status) = child.0.try_wait()? {
            return Err(format!("a service has ended by itself: {status}").into());
        }
        child.0.kill()?;
        child.0.wait()?;
        Ok(())
    }

    /// Starts it again after it has been killed, on what it had and where it listened.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_again(&mut self) -> Result<(), Failure> {
        let (child, _) = launch(&self.setup, self.address)?;
        self.child = Some(child);
        Ok(())
    }

    /// Sends a signal: to which process.
    fn signal(&self, signal: Signal) -> Result<i32, Failure> {
        let id = i32::try_from(self.child.as_ref().ok_or("the process has been killed")?.0.id())?;
        kill_process(Pid::from_raw(id).ok_or("no process")?, signal)?;
        Ok(id)
    }
}

fn launch(setup: &Setup, listen: SocketAddr) -> Result<(Killed, SocketAddr), Failure> {
    block_in_place(|| {
        let mut command = command(&setup.program, &setup.log)?;
        command.arg(setup.command).arg("--listen").arg(listen.to_string()).args(&setup.arguments);
        command.envs(setup.environment.iter().map(|(name, value)| (name, value)));
        let mut child = Killed(command.spawn()?);
        let [address] = addresses(&mut child.0, [&format!("{}-service", setup.command)])?;
        Ok((child, address.parse()?))
    })
}
