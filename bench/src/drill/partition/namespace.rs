//! A network namespace of Linux, and the command `ip`.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::task::block_in_place;

use crate::Failure;

/// First part of the name of each namespace of a drill. The id and the start time of the drill's process follow.
const PREFIX: &str = "gatepost-drill";

/// The folder in which `ip netns` keeps a file for each namespace.
const NAMESPACE_FOLDER: &str = "/run/netns";

/// Places of the command `ip`.
const IP_PROGRAMS: [&str; 4] = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"];

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Number of networks that this process has made.
static NETWORK_COUNT: AtomicU32 = AtomicU32::new(0);

/// A network namespace. Dropping the value removes it.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
}

/// Checks that this process may make network namespaces.
///
/// # Errors
/// Fails with the reason if it may not.
pub(super) fn check_support() -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Err("network namespaces need root: run the drill as root".into());
    }
    if ip_program().is_none() {
        return Err("the command `ip` is missing: install the package iproute2".into());
    }
    let name = prefix_of_network();
    let tried = Namespace::create(&name, "try").and_then(|namespace| namespace.ip("rule show"));
    tried.map_err(|error| format!("this machine lets no network namespace be made: {error}").into())
}

/// Returns the first part of the names of the namespaces of a new network.
pub(super) fn prefix_of_network() -> String {
    let (process, number) = (std::process::id(), NETWORK_COUNT.fetch_add(1, Ordering::Relaxed));
    let start = start_time(process).unwrap_or_default();
    format!("{PREFIX}-{process}-{start}-{number}")
}

/// Removes the namespaces of drills whose process has ended, with the processes in them.
///
/// # Errors
/// Fails if a namespace cannot be removed.
pub(super) fn remove_leftovers() -> Result<(), Failure> {
    for entry in fs::read_dir(NAMESPACE_FOLDER).into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(owner) = owner_of(&name)
            && start_time(owner.process) != Some(owner.start)
        {
            // Dropping the value ends the processes, and removes the namespace.
            drop(Namespace { name });
        }
    }
    Ok(())
}

/// The process that made a namespace.
struct NamespaceOwner {
    process: u32,
    /// Start of the process in the kernel's ticks: another process may have the same id later.
    start: u64,
}

fn owner_of(name: &str) -> Option<NamespaceOwner> {
    let mut parts = name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-');
    Some(NamespaceOwner { process: parts.next()?.parse().ok()?, start: parts.next()?.parse().ok()? })
}

/// Returns the start time of a process, in ticks since the start of the machine; `None` if it has ended.
fn start_time(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Field 22. The name in field 2 may contain anything, so the count starts after it (`proc_pid_stat(5)`).
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn ip_program() -> Option<&'static str> {
    IP_PROGRAMS.into_iter().find(|program| Path::new(program).is_file())
}

/// Runs `ip` with these arguments, separated by spaces.
fn ip(arguments: &str) -> Result<String, Failure> {
    let mut command = Command::new(ip_program().ok_or("the command `ip` is missing")?);
    let output = command.args(arguments.split_whitespace()).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("`ip {arguments}`: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

impl Namespace {
    /// Creates an empty namespace, whose loopback is up.
    pub(super) fn create(prefix: &str, node: &str) -> Result<Self, Failure> {
        let name = format!("{prefix}-{node}");
        ip(&format!("netns add {name}"))?;
        let namespace = Self { name };
        namespace.ip("link set dev lo up")?;
        Ok(namespace)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in the namespace with these arguments.
    pub(super) fn ip(&self, arguments: &str) -> Result<(), Failure> {
        ip(&format!("-n {} {arguments}", self.name)).map(drop)
    }

    /// Runs a function on a thread in the namespace. Its sockets and processes stay there.
    pub(super) fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> Result<T, Failure> {
        let file = File::open(self.file())?;
        block_in_place(|| {
            thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
                    Ok::<_, io::Error>(run())
                });
                Ok(thread.join().map_err(|_| "a thread in a namespace has panicked")??)
            })
        })
    }

    /// Opens a connection from the namespace.
    pub(super) fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let opened = self.inside(|| {
            let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok::<_, io::Error>(stream)
        });
        opened.unwrap_or_else(|error| Err(io::Error::other(error.to_string())))
    }

    fn file(&self) -> PathBuf {
        Path::new(NAMESPACE_FOLDER).join(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A process of a dead drill would keep the namespace alive.
        let processes = ip(&format!("netns pids {}", self.name)).unwrap_or_default();
        for process in processes.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)) {
            let _ = kill_process(process, Signal::KILL);
        }
        if let Err(error) = ip(&format!("netns delete {}", self.name)) {
            eprintln!("a namespace is left: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_owner() {
        let owner = owner_of("gatepost-drill-17-4242-0-router").unwrap();
        assert_eq!((owner.process, owner.start), (17, 4242));
        for other in ["gatepost-drill", "gatepost-drill-x-1-0-a", "gatepost-drills-1-2-0-a", "router"] {
            assert!(owner_of(other).is_none(), "{other}");
        }
        let own = owner_of(&prefix_of_network()).unwrap();
        assert_eq!((own.process, Some(own.start)), (std::process::id(), start_time(std::process::id())));
    }
}
