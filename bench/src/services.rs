//! The services as processes that can be measured and killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::Failure;

/// Interval between checks for a process's end.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Auth and blog service, as one process or as two. Dropping the value kills the processes.
#[derive(Debug)]
pub struct Services {
    processes: Vec<Killed>,
    /// Connection to the auth service.
    pub auth: Channel,
    /// Connection to the blog service.
    pub blog: Channel,
    /// The addresses of auth and blog service.
    addresses: [String; 2],
    /// Time from the start of the first process to the answers of both health checks.
    pub start: Duration,
}

/// Builds the program `gatepost` with this program's profile, next to it.
///
/// # Errors
/// Fails if the program does not build.
pub fn build() -> Result<PathBuf, Failure> {
    // The program gets only the features that users get, so most crates are built once more for it.
    eprintln!("building `gatepost` as users build it (minutes for the first build)");
    // The `cargo` on `PATH` knows its toolchain even if this program was started without it.
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--locked", "--bin", "gatepost"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err("the program `gatepost` does not build".into());
    }
    let folder = std::env::current_exe()?;
    Ok(folder.parent().ok_or("this program has no parent folder")?.join("gatepost"))
}

/// Returns the path of the program `gatepost`, next to the folder of this test's program.
///
/// # Errors
/// Fails if the program has not been built.
pub fn beside() -> Result<PathBuf, Failure> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).ok_or("this test has no parent folder")?;
    let program = folder.join("gatepost");
    if program.is_file() {
        return Ok(program);
    }
    Err(format!(
        "{} does not exist: run `cargo test --workspace`, or first `cargo build --bin gatepost`",
        program.display()
    )
    .into())
}

impl Services {
    /// Starts the pair on SQLite files in this folder; `change` may change the command.
    ///
    /// # Errors
    /// Fails if the pair does not start.
    pub async fn pair(
        program: &Path,
        folder: &Path,
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Self, Failure> {
        Self::pair_by(command(program, &folder.join("log"))?, folder, change).await
    }

    /// Starts the pair with a command whose process becomes the pair.
    ///
    /// # Errors
    /// Fails if the pair does not start.
    pub async fn pair_by(
        mut command: Command,
        folder: &Path,
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Self, Failure> {
        let began = Instant::now();
        command.args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"]);
        change(command.arg(folder.join("data")));
        let mut child = Killed(command.spawn()?);
        let [auth, blog] = addresses(&mut child.0, ["auth-service", "blog-service"])?;
        Self::over(vec![child], &auth, &blog, began).await
    }

    /// Starts two services as two processes, each with its database on a server; `change` may change both commands.
    ///
    /// # Errors
    /// Fails if a service does not start.
    pub async fn on_postgres(
        program: &Path,
        folder: &Path,
        [auth, blog]: [&str; 2],
        change: impl Fn(&mut Command) -> &mut Command,
    ) -> Result<Self, Failure> {
        let began = Instant::now();
        let listen = ["--listen", "127.0.0.1:0", "--database-url"];
        let mut first = command(program, &folder.join("auth.log"))?;
        let mut first = Killed(change(first.arg("auth").args(listen).arg(auth)).spawn()?);
        let [auth] = addresses(&mut first.0, ["auth-service"])?;
        let mut second = command(program, &folder.join("blog.log"))?;
        second.arg("blog").args(listen).arg(blog).arg("--auth-url").arg(format!("http://{auth}"));
        let mut second = Killed(change(&mut second).spawn()?);
        let [blog] = addresses(&mut second.0, ["blog-service"])?;
        Self::over(vec![first, second], &auth, &blog, began).await
    }

    async fn over(processes: Vec<Killed>, address: &str, blog: &str, began: Instant) -> Result<Self, Failure> {
        let addresses = [address.to_owned(), blog.to_owned()];
        let (auth, blog) = (channel(address).await?, channel(blog).await?);
        for channel in [&auth, &blog] {
            HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await?;
        }
        Ok(Self { processes, auth, blog, addresses, start: began.elapsed() })
    }

    /// Returns the auth service's address, as `HOST:PORT`.
    pub fn auth_address(&self) -> &str {
        &self.addresses[0]
    }

    /// Returns the blog service's address, as `HOST:PORT`.
    pub fn blog_address(&self) -> &str {
        &self.addresses[1]
    }

    /// Opens this many further connections to the auth service.
    ///
    /// # Errors
    /// Fails if the service accepts no more.
    pub async fn connections(&self, count: usize) -> Result<Vec<Channel>, Failure> {
        channels(self.auth_address(), count).await
    }

    /// Returns a connection to the auth service from this address of the machine, opened at its first use.
    ///
    /// # Errors
    /// Fails if the service's address is not valid.
    pub fn connection_from(&self, local: IpAddr) -> Result<Channel, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.auth_address()))?;
        Ok(endpoint.local_address(Some(local)).connect_lazy())
    }

    /// Returns the id of the first process.
    pub(crate) fn first_process(&self) -> Result<u32, Failure> {
        Ok(self.processes.first().ok_or("no process")?.0.id())
    }

    /// Returns the processor time of all processes in seconds, to a hundredth (`proc_pid_stat(5)`).
    ///
    /// # Errors
    /// Fails if a process has ended.
    pub fn processor_time(&self) -> Result<f64, Failure> {
        self.processes.iter().map(Killed::processor_time).sum()
    }

    /// Returns the resident memory of all processes, in MiB.
    ///
    /// # Errors
    /// Fails if a process has ended.
    pub fn memory(&self) -> Result<f64, Failure> {
        let mut kilobytes = 0.0;
        for Killed(process) in &self.processes {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
            kilobytes += line.trim().trim_end_matches(" kB").parse::<f64>()?;
        }
        Ok(kilobytes / 1024.0)
    }

    /// Returns the resident memory in mappings of at least this many KiB, in MiB (`proc_pid_smaps(5)`). The heap does not
    /// count, which grows in steps of any size.
    ///
    /// # Errors
    /// Fails if a process has ended.
    pub fn memory_in_mappings(&self, least: u64) -> Result<f64, Failure> {
        let (mut kilobytes, mut is_heap, mut is_large) = (0, false, false);
        for Killed(process) in &self.processes {
            for line in std::fs::read_to_string(format!("/proc/{}/smaps", process.id()))?.lines() {
                let count =
                    |name| line.strip_prefix(name).map(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>());
                // The first line of a mapping has its addresses, in lowercase, and its name.
                if line.starts_with(|first: char| first.is_ascii_digit() || first.is_ascii_lowercase()) {
                    is_heap = line.ends_with("[heap]");
                } else if let Some(size) = count("Size:") {
                    is_large = size? >= least && !is_heap;
                } else if let Some(resident) = count("Rss:").filter(|_| is_large) {
                    kilobytes += resident?;
                }
            }
        }
        Ok(f64::from(u32::try_from(kilobytes)?) / 1024.0)
    }

    /// Limits the descriptors of the first process to those that it has open, plus this number. Returns the earlier
    /// limit.
    ///
    /// # Errors
    /// Fails if the process has ended.
    pub fn limit_descriptors(&self, more: u64) -> Result<Rlimit, Failure> {
        let Killed(process) = self.processes.first().ok_or("no process")?;
        let open = u64::try_from(std::fs::read_dir(format!("/proc/{}/fd", process.id()))?.count())?;
        let id = Pid::from_raw(i32::try_from(process.id())?);
        let limit = Rlimit { current: Some(open + more), ..getrlimit(Resource::Nofile) };
        Ok(prlimit(id, Resource::Nofile, limit)?)
    }

    /// Restores the earlier limit of descriptors of the first process.
    ///
    /// # Errors
    /// Fails if the process has ended.
    pub fn restore_descriptors(&self, limit: Rlimit) -> Result<(), Failure> {
        let Killed(process) = self.processes.first().ok_or("no process")?;
        prlimit(Pid::from_raw(i32::try_from(process.id())?), Resource::Nofile, limit)?;
        Ok(())
    }

    /// Kills the processes and waits until they have ended.
    ///
    /// # Errors
    /// Fails if a process had ended before.
    pub fn kill(mut self) -> Result<(), Failure> {
        for Killed(process) in &mut self.processes {
            if let Some(status) = process.try_wait()? {
                return Err(format!("a service has ended by itself: {status}").into());
            }
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Asks the processes to stop. Returns the time until all have ended, or `None` if one exceeds the limit and is
    /// killed.
    ///
    /// # Errors
    /// Fails if a process cannot be waited for.
    pub async fn stop_within(mut self, limit: Duration) -> Result<Option<Duration>, Failure> {
        let asked = Instant::now();
        for Killed(process) in &self.processes {
            let id = i32::try_from(process.id())?;
            // A process that has ended by itself takes no signal.
            let _ = kill_process(Pid::from_raw(id).ok_or("no process")?, Signal::TERM);
        }
        for Killed(process) in &mut self.processes {
            while process.try_wait()?.is_none() {
                if asked.elapsed() > limit {
                    return Ok(None);
                }
                sleep(POLL_INTERVAL).await;
            }
        }
        Ok(Some(asked.elapsed()))
    }

    /// Asks the processes to stop, and waits until they have ended.
    ///
    /// # Errors
    /// Fails if a process ends with a failure.
    pub fn stop(mut self) -> Result<(), Failure> {
        for Killed(process) in &mut self.processes {
            let id = i32::try_from(process.id())?;
            kill_process(Pid::from_raw(id).ok_or("no process")?, Signal::TERM)?;
            let status = process.wait()?;
            if !status.success() {
                return Err(format!("a service has stopped with {status}").into());
            }
        }
        Ok(())
    }
}

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Killed(pub(crate) Child);

impl Killed {
    /// Returns the process's processor time in seconds, to a hundredth (`proc_pid_stat(5)`).
    pub(crate) fn processor_time(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // Fields 14 and 15 of the line. The name in field 2 may contain anything, so the count starts after it.
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let mut ticks = 0;
        for field in fields.split_whitespace().skip(11).take(2) {
            ticks += field.parse::<u32>()?;
        }
        Ok(f64::from(ticks) / 100.0)
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the addresses of these services of a process. The services print them in any order.
pub(crate) fn addresses<const N: usize>(process: &mut Child, services: [&str; N]) -> Result<[String; N], Failure> {
    let mut found = [const { String::new() }; N];
    let mut lines = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
    while found.iter().any(String::is_empty) {
        let line = lines.next().ok_or("a service has ended before it listened")??;
        for (service, address) in services.iter().zip(&mut found) {
            if let Some(listed) = line.strip_prefix(service).and_then(|rest| rest.strip_prefix(" listening on ")) {
                listed.clone_into(address);
            }
        }
    }
    Ok(found)
}

/// Returns the program's command, without the caller's environment. The program appends its log to `log`.
pub(crate) fn command(program: &Path, log: &Path) -> Result<Command, Failure> {
    let log = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(program);
    command.env_clear().env("RUST_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    Ok(command)
}

pub(crate) async fn channel(address: &str) -> Result<Channel, Failure> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?)
}

/// Opens this many connections.
pub(crate) async fn channels(address: &str, count: usize) -> Result<Vec<Channel>, Failure> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(channel(address).await?);
    }
    Ok(all)
}
