//! The release binary in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use bench::Failure;

/// A running pair; killed when dropped.
pub(crate) struct Pair {
    child: Child,
    pub(crate) auth: Channel,
    pub(crate) blog: Channel,
    /// From the start of the process to the answers of both health checks.
    pub(crate) start: Duration,
}

/// Builds the binary that is measured, beside this one.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    let built = Command::new(env!("CARGO")).args(["build", "--release", "--quiet", "--bin", "gatepost"]).status()?;
    if !built.success() {
        return Err("the binary `gatepost` does not build".into());
    }
    let folder = std::env::current_exe()?;
    Ok(folder.parent().ok_or("this program lies in no folder")?.join("gatepost"))
}

impl Pair {
    pub(crate) async fn start(binary: &Path, folder: &Path) -> Result<Self, Failure> {
        let began = Instant::now();
        let mut child = Command::new(binary)
            .args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        let (mut auth, mut blog) = (None, None);
        while auth.is_none() || blog.is_none() {
            let line = lines.next().ok_or("the pair ended before it listened")??;
            auth = auth.or_else(|| line.strip_prefix("auth-service listening on ").map(str::to_owned));
            blog = blog.or_else(|| line.strip_prefix("blog-service listening on ").map(str::to_owned));
        }
        let (auth, blog) = (channel(auth).await?, channel(blog).await?);
        for channel in [&auth, &blog] {
            HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await?;
        }
        Ok(Self { child, auth, blog, start: began.elapsed() })
    }

    /// Resident memory in MB.
    pub(crate) fn memory(&self) -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes / 1024.0)
    }

    /// Asks the pair to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let id = i32::try_from(self.child.id())?;
        kill_process(Pid::from_raw(id).ok_or("no process")?, Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn channel(address: Option<String>) -> Result<Channel, Failure> {
    Ok(Endpoint::from_shared(format!("http://{}", address.unwrap_or_default()))?.connect().await?)
}
