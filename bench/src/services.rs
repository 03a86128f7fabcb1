//! The services in processes of their own, which can be measured and killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::Failure;

/// Auth and blog service, as one process or as two; killed when dropped.
#[derive(Debug)]
pub struct Services {
    processes: Vec<Killed>,
    /// To the auth service.
    pub auth: Channel,
    /// To the blog service.
    pub blog: Channel,
    /// The addresses of the auth and the blog service.
    addresses: [String; 2],
    /// From the start of the first process to the answers of both health checks.
    pub start: Duration,
}

/// Builds the program `gatepost` as this program was built, beside it.
///
/// # Errors
/// When it does not build.
pub fn build() -> Result<PathBuf, Failure> {
    // That of the path knows its toolchain even when this program was begun without it.
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--locked", "--bin", "gatepost"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err("the program `gatepost` does not build".into());
    }
    let folder = std::env::current_exe()?;
    Ok(folder.parent().ok_or("this program lies in no folder")?.join("gatepost"))
}

/// The program `gatepost` beside a test's own.
///
/// # Errors
/// When it has not been built.
pub fn beside() -> Result<PathBuf, Failure> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).ok_or("this test lies in no folder")?;
    let program = folder.join("gatepost");
    if program.is_file() {
        return Ok(program);
    }
    Err(format!(
        "{} is not there: run `cargo test --workspace`, or `cargo build --bin gatepost` before",
        program.display()
    )
    .into())
}

impl Services {
    /// The pair on SQLite files in this folder; `change` has the last word on the command.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn pair(
        program: &Path,
        folder: &Path,
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Self, Failure> {
        let began = Instant::now();
        let mut command = command(program, &folder.join("log"))?;
        command.args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"]);
        change(command.arg(folder.join("data")));
        let mut child = Killed(command.spawn()?);
        let [auth, blog] = addresses(&mut child.0, ["auth-service", "blog-service"])?;
        Self::over(vec![child], &auth, &blog, began).await
    }

    /// Two services in two processes, each with its database on a server; `change` has the last word on both commands.
    ///
    /// # Errors
    /// When they do not come up.
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

    /// Returns the auth service's address, `HOST:PORT`.
    pub fn auth_address(&self) -> &str {
        &self.addresses[0]
    }

    /// Returns the blog service's address, `HOST:PORT`.
    pub fn blog_address(&self) -> &str {
        &self.addresses[1]
    }

    /// So many further connections to the auth service.
    ///
    /// # Errors
    /// When it takes no more.
    pub async fn connections(&self, count: usize) -> Result<Vec<Channel>, Failure> {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(channel(self.auth_address()).await?);
        }
        Ok(all)
    }

    /// The time in seconds for which all processes have had a processor, to a hundredth (`proc_pid_stat(5)`).
    ///
    /// # Errors
    /// When one has ended.
    pub fn processor_time(&self) -> Result<f64, Failure> {
        let mut ticks = 0;
        for Killed(process) in &self.processes {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
            // Behind the name, which may hold anything: fields 14 and 15 of all, 12 and 13 of these.
            let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
            for field in fields.split_whitespace().skip(11).take(2) {
                ticks += field.parse::<u32>()?;
            }
        }
        Ok(f64::from(ticks) / 100.0)
    }

    /// Resident memory of all processes, in MB.
    ///
    /// # Errors
    /// When one has ended.
    pub fn memory(&self) -> Result<f64, Failure> {
        let mut kilobytes = 0.0;
        for Killed(process) in &self.processes {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
            kilobytes += line.trim().trim_end_matches(" kB").parse::<f64>()?;
        }
        Ok(kilobytes / 1024.0)
    }

    /// The memory in MiB that is resident in mappings of at least this many KiB (`proc_pid_smaps(5)`).
    ///
    /// # Errors
    /// When a process has ended.
    pub fn memory_in_mappings(&self, least: u64) -> Result<f64, Failure> {
        let (mut kilobytes, mut is_large) = (0, false);
        for Killed(process) in &self.processes {
            for line in std::fs::read_to_string(format!("/proc/{}/smaps", process.id()))?.lines() {
                let count =
                    |name| line.strip_prefix(name).map(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>());
                if let Some(size) = count("Size:") {
                    is_large = size? >= least;
                } else if let Some(resident) = count("Rss:").filter(|_| is_large) {
                    kilobytes += resident?;
                }
            }
        }
        Ok(f64::from(u32::try_from(kilobytes)?) / 1024.0)
    }

    /// Kills the processes, which can do nothing more, and waits until they have ended.
    ///
    /// # Errors
    /// When they had ended before.
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

    /// Asks the processes to stop and waits until they have.
    ///
    /// # Errors
    /// When one ends with a failure.
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

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where these services of a process listen, which say so in any order.
pub(crate) fn addresses<const N: usize>(process: &mut Child, services: [&str; N]) -> Result<[String; N], Failure> {
    let mut found = [const { String::new() }; N];
    let mut lines = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
    while found.iter().any(String::is_empty) {
        let line = lines.next().ok_or("a service has ended before it listened")??;
        for (service, address) in services.iter().zip(&mut found) {
            if let Some(said) = line.strip_prefix(service).and_then(|rest| rest.strip_prefix(" listening on ")) {
                said.clone_into(address);
            }
        }
    }
    Ok(found)
}

/// The program with none of the caller's settings. Its log's last lines are for whoever looks after a failure.
pub(crate) fn command(program: &Path, log: &Path) -> Result<Command, Failure> {
    let log = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(program);
    command.env_clear().env("RUST_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    Ok(command)
}

pub(crate) async fn channel(address: &str) -> Result<Channel, Failure> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?)
}
