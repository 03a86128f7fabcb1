//! `bench drill power`: the pair on SQLite loses its power repeatedly under writers that also revoke API keys.
//!
//! A shim keeps the synced bytes of each file. After a kill the files get these bytes, and a random choice of the
//! sectors that were written later: any of them may have reached the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gatepost::WithToken;
use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::{CreateApiKeyRequest, RevokeApiKeyRequest, TokenState, VerifyTokenRequest};
use testkit::disk::Disk;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tonic::Status;
use tonic::transport::Channel;

use super::damage::admin;
use super::held;
use super::{Broken, DRILL_SETTINGS, DrillCallers, DrillClient, Operation, Random, Report};
use crate::Failure;
use crate::services::Services;

/// Length of the parts that a disk writes whole.
const SECTOR: usize = 512;

/// Each such round also loses the witness.
const WITNESS_LOST_EVERY: usize = 5;

/// Secrets of API keys whose revocation was acknowledged.
type RevokedKeys = Arc<Mutex<Vec<String>>>;

/// Cuts the power this many times. Checks after each restart that the data agrees with the answers.
///
/// # Errors
/// Fails if the drill itself cannot continue.
pub async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let place = tempfile::tempdir()?;
    let folder = fs::canonicalize(place.path())?;
    fs::create_dir(folder.join("synced"))?;
    let (mut report, mut random, mut starts) = (Report::default(), Random::new(seed), Vec::new());
    let mut services = start(program, &folder).await?;
    let mut client = DrillClient::register(&services, seed).await?;
    let (mut revoked, mut dropped) = (0, 0);
    for round in 1..=rounds {
        let (keys, task) = revoker(services.auth.clone(), admin(&services).await?);
        let callers = DrillCallers::writers(&client);
        sleep(random.millis(50, 500)).await;
        callers.finish();
        services.kill()?;
        callers.stop().await?;
        task.abort();
        dropped += lose_power(&folder, &mut random)?;
        let is_witness_lost = round % WITNESS_LOST_EVERY == 0;
        if is_witness_lost {
            fs::remove_file(folder.join("data/auth.db-witness"))?;
        }
        services = start(program, &folder).await?;
        starts.push(services.start);
        client = client.over(&services);
        if is_witness_lost {
            if client.call(Operation::VerifyToken).await.is_ok() {
                report
                    .broken
                    .push(Broken::new("a start without the witness ends all sessions", "the old token is active"));
            }
            client = client.logged_in().await?;
        }
        let keys = std::mem::take(&mut *keys.lock().unwrap_or_else(PoisonError::into_inner));
        revoked += keys.len();
        check_revoked(&mut report, &services, keys).await?;
        held::files(&mut report, &client, &folder).await?;
        if !report.broken.is_empty() {
            break;
        }
    }
    services.stop()?;
    report.lines.clear();
    report.row("losses of power", starts.len());
    report.row("sectors written after the last sync, and lost", dropped);
    report.row("API keys revoked and refused", revoked);
    held::counts(&mut report, &client);
    report.times("from a start after a loss to the first answers", starts);
    Ok(report)
}

async fn start(program: &Path, folder: &Path) -> Result<Services, Failure> {
    let disk = Disk::for_path(folder.join("data")).synced_in(folder.join("synced"));
    Services::pair(program, folder, |command| disk.apply(command.envs(DRILL_SETTINGS))).await
}

/// Starts a caller that creates and revokes API keys, one after the other.
fn revoker(auth: Channel, admin: WithToken) -> (RevokedKeys, JoinHandle<Result<(), Status>>) {
    let keys = RevokedKeys::default();
    let revoked = Arc::clone(&keys);
    let task = tokio::spawn(async move {
        let mut service = ApiKeyServiceClient::with_interceptor(auth, admin);
        loop {
            let request = CreateApiKeyRequest { name: "Export".into(), ..CreateApiKeyRequest::default() };
            let created = service.create_api_key(request).await?.into_inner();
            let id = created.api_key.unwrap_or_default().id;
            service.revoke_api_key(RevokeApiKeyRequest { id, etag: String::new() }).await?;
            revoked.lock().unwrap_or_else(PoisonError::into_inner).push(created.secret);
        }
    });
    (keys, task)
}

async fn check_revoked(report: &mut Report, services: &Services, keys: Vec<String>) -> Result<(), Failure> {
    let mut verifier = TokenServiceClient::new(services.auth.clone());
    for token in keys {
        let state = verifier.verify_token(VerifyTokenRequest { token }).await?.into_inner().state();
        if state == TokenState::Active {
            report.broken.push(Broken::new("a revoked API key is refused after a loss of power", state.as_str_name()));
        }
    }
    Ok(())
}

/// Gives each file its synced bytes, and some of the later sectors. Returns the number of lost sectors.
fn lose_power(folder: &Path, random: &mut Random) -> io::Result<usize> {
    let (data, synced) = (folder.join("data"), folder.join("synced"));
    let mut dropped = 0;
    let names = fs::read_dir(&synced)?.map(|file| Ok(file?.file_name())).collect::<io::Result<Vec<_>>>()?;
    let mut kept = Vec::new();
    for name in names {
        let old = fs::read(synced.join(&name))?;
        let new = fs::read(data.join(&name)).unwrap_or_else(|_| old.clone());
        let (bytes, lost) = mixed(&old, &new, random);
        dropped += lost;
        kept.push((name, bytes));
    }
    for file in fs::read_dir(&data)? {
        fs::remove_file(file?.path())?;
    }
    for (name, bytes) in kept {
        for place in [&data, &synced] {
            write_private(&place.join(&name), &bytes)?;
        }
    }
    Ok(dropped)
}

/// Returns the synced bytes with a random choice of the later sectors, and the number of the others.
fn mixed(old: &[u8], new: &[u8], random: &mut Random) -> (Vec<u8>, usize) {
    let mut bytes = old.to_vec();
    let mut dropped = 0;
    // The length is a fact of its own: the new one may be on the disk without any of its sectors.
    if random.number().is_multiple_of(2) {
        bytes.resize(new.len(), 0);
    }
    for (at, sector) in new.chunks(SECTOR).enumerate().map(|(number, sector)| (number * SECTOR, sector)) {
        if old.get(at..at + sector.len()) == Some(sector) {
            continue;
        }
        match bytes.get_mut(at..at + sector.len()) {
            Some(place) if random.number().is_multiple_of(2) => place.copy_from_slice(sector),
            _ => dropped += 1,
        }
    }
    (bytes, dropped)
}

fn write_private(path: &PathBuf, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synced_bytes_survive_and_later_ones_may() {
        let (old, mut new) = (vec![1; 4 * SECTOR], vec![1; 4 * SECTOR]);
        new[SECTOR..2 * SECTOR].fill(2);
        let (mut kept, mut lost) = (0, 0);
        for seed in 0..64 {
            let (bytes, dropped) = mixed(&old, &new, &mut Random::new(seed));
            assert_eq!(bytes.len(), old.len());
            assert_eq!((&bytes[..SECTOR], &bytes[2 * SECTOR..]), (&old[..SECTOR], &old[2 * SECTOR..]));
            lost += dropped;
            kept += usize::from(bytes[SECTOR] == 2);
        }
        assert!(kept > 0 && lost > 0 && kept + lost == 64, "{kept} {lost}");
    }
}
