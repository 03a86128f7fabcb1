//! `bench drill disk`: the disk of the pair's SQLite files is full, read-only or failing, and recovers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use testkit::disk;
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use super::held;
use super::outage::{FaultRound, check};
use super::{Broken, DRILL_SETTINGS, DrillCallers, DrillClient, Operation, Outage, Random, RecordedCall, Report};
use crate::Failure;
use crate::services::Services;

/// A way in which a disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// `ENOSPC`.
    Full,
    /// `EROFS`.
    ReadOnly,
    /// `EIO`.
    Io,
}

/// Time limit until each kind of write has failed because of a fault, and until each kind succeeds after the fault.
const FAULT_TIMEOUT: Duration = Duration::from_secs(10);

const READ_OPERATIONS: [Operation; 4] =
    [Operation::VerifyToken, Operation::GetUser, Operation::GetPost, Operation::ListPosts];
const WRITE_OPERATIONS: [Operation; 4] =
    [Operation::Login, Operation::CreateUser, Operation::CreatePost, Operation::CreatePostOnce];

impl DiskFault {
    /// All faults.
    pub const ALL: [Self; 3] = [Self::Full, Self::ReadOnly, Self::Io];

    /// Returns random faults.
    pub fn random(rounds: usize, seed: u64) -> Vec<Self> {
        let mut random = Random::new(seed);
        (0..rounds).map(|_| random.one_of(&Self::ALL)).collect()
    }

    /// Returns the path of a file. The fault lasts while the file exists.
    fn switch(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self:?}"))
    }
}

/// Runs these faults, and checks at the end that the data agrees with the answers.
///
/// # Errors
/// Fails if the drill itself cannot continue.
pub async fn run(program: &Path, faults: &[DiskFault], seed: u64, bound: Duration) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let services = start(program, &folder).await?;
    let client = DrillClient::register(&services, seed).await?;
    let callers = DrillCallers::mix(&client);
    let (mut report, mut random, mut outages) = (Report::default(), Random::new(seed), Vec::new());
    for fault in faults {
        let FaultRound { outage, broken } = round(&client, folder.path(), *fault, random.millis(50, 300)).await?;
        outages.push(outage);
        report.broken.extend(broken);
    }
    callers.stop().await?;
    let calls = client.history.calls().clone();
    report.broken.extend(calls.iter().filter_map(|call| misses(call, &outages)));
    check(&mut report, &calls, &outages, &WRITE_OPERATIONS, bound);
    // After a restart, the answers show only the content of the files.
    services.stop()?;
    let services = start(program, &folder).await?;
    held::files(&mut report, &client.over(&services), folder.path()).await?;
    services.stop()?;
    Ok(report)
}

async fn start(program: &Path, folder: &TempDir) -> Result<Services, Failure> {
    let path = folder.path();
    let disk = disk::Disk::for_path(fs::canonicalize(path)?.join("data"))
        .full_while(DiskFault::Full.switch(path))
        .read_only_while(DiskFault::ReadOnly.switch(path))
        .fail_while(DiskFault::Io.switch(path));
    Services::pair(program, path, |command| disk.apply(command.envs(DRILL_SETTINGS))).await
}

/// Runs one fault until each kind of write has failed, and a little longer. Then waits until each kind of write has
/// succeeded.
async fn round(client: &DrillClient, folder: &Path, fault: DiskFault, longer: Duration) -> Result<FaultRound, Failure> {
    let mut broken = Vec::new();
    let switch = fault.switch(folder);
    fs::write(&switch, "")?;
    let at = Instant::now();
    let met = client.history.all(&WRITE_OPERATIONS, at, |answer| answer.code != Code::Ok);
    if timeout(FAULT_TIMEOUT, met).await.is_err() {
        broken.push(Broken::new("a write that cannot be stored is refused", format!("not with {fault:?}")));
    }
    sleep(longer).await;
    fs::remove_file(&switch)?;
    let outage = Outage { fault: format!("{fault:?}"), at, back: Instant::now() };
    let back = client.history.all(&WRITE_OPERATIONS, outage.back, |answer| answer.code == Code::Ok);
    if timeout(FAULT_TIMEOUT, back).await.is_err() {
        broken.push(Broken::new("every operation succeeds after a fault", format!("not after {fault:?}")));
    }
    Ok(FaultRound { outage, broken })
}

/// Returns the promise that this call breaks.
fn misses(call: &RecordedCall, outages: &[Outage]) -> Option<Broken> {
    let seen = || format!("{:?}: {}, {}", call.operation, call.answer, call.answer.message);
    let within = outages.iter().any(|outage| call.begun >= outage.at && call.ended < outage.back);
    let is_refusal = matches!(
        (call.answer.code, call.answer.reason.as_str()),
        (Code::ResourceExhausted, "STORE_FULL") | (Code::Unavailable, "STORE_UNAVAILABLE")
    );
    match call.answer.code {
        Code::Ok if within && call.operation.writes() => Some(Broken::new("an acknowledged write was stored", seen())),
        Code::Ok => None,
        _ if READ_OPERATIONS.contains(&call.operation) => Some(Broken::new("reads succeed during the fault", seen())),
        _ if is_refusal => None,
        _ => Some(Broken::new("a write is refused with STORE_FULL or UNAVAILABLE", seen())),
    }
}
