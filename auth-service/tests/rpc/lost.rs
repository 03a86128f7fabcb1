//! A log that has lost entries which only guards know: every replica has started on an older copy of the database.

use std::path::Path;

use gatepost::api::auth::v1::{Position, TokenState};
use tempfile::TempDir;
use testkit::http::get;

use super::support::{EMAIL, SERVICE_KEY, Service, Settings, start_in};
use super::watch::{Guard, logout, service};

/// Returns the settings of [`service`] for a start on its earlier data.
fn again() -> Settings {
    Settings { service_key: Some(SERVICE_KEY), ..Settings::default() }
}

/// Files of a database with its witness, so that the copy does not show its age.
const ALL_FILES: [&str; 3] = ["auth.db", "auth.db-wal", "auth.db-witness"];

/// Copies these files of a stopped service.
fn copy(from: &Path, to: &Path, files: &[&str]) {
    for file in files {
        let (from, to) = (from.join(file), to.join(file));
        let _ = std::fs::remove_file(&to);
        if from.exists() {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// A guard that received a logout, and the service on a copy of the database from before that logout.
struct Lost {
    service: Service,
    /// The token that was logged out.
    token: String,
    /// The guard's last position and its digest.
    known: Position,
    digest: Vec<u8>,
    _copy: TempDir,
}

async fn lose(files: &[&str]) -> Lost {
    let first = service().await;
    let token = first.account(EMAIL).await.token;
    let (folder, clock) = first.stop().await;
    let copied = testkit::folder();
    copy(folder.path(), copied.path(), files);
    let first = start_in(folder, clock, again()).await;
    let (mut guard, greeting, _) = Guard::new(&first).await;
    logout(&first, &token).await;
    let revocation = guard.revocation().await;
    let known = guard.renewed(1).await;
    assert_eq!(known.revision, revocation.revision);
    drop(guard);
    let (folder, clock) = first.stop().await;
    copy(copied.path(), folder.path(), files);
    let service = start_in(folder, clock, again()).await;
    Lost { service, token, known, digest: greeting.digest, _copy: copied }
}

async fn counted(service: &Service, by: &str) -> bool {
    get(service.ops, "/metrics").await.body.contains(&format!("gatepost_log_forks_by_{by}_total 1\n"))
}

#[tokio::test]
async fn guard_ahead_of_the_log_keeps_revoked_tokens_dead() {
    let Lost { service, token, known, digest, _copy } = lose(&ALL_FILES).await;
    assert_eq!(service.state(&token).await, TokenState::Active, "the copy does not know the logout");
    let (mut guard, _) = Guard::resume(&service, Some(known.clone()), digest.clone()).await;
    let now = guard.reset().await;
    assert_ne!(now.log_id, known.log_id, "there is a new log");
    assert_eq!(service.state(&token).await, TokenState::Revoked);
    assert!(counted(&service, "guard").await);
    // Other guards that know the lost entries change nothing more.
    let (mut late, _) = Guard::resume(&service, Some(known), digest).await;
    assert_eq!(late.reset().await, now);
    assert!(counted(&service, "guard").await);
    let fresh = service.login(EMAIL, super::support::PASSWORD).await.unwrap().tokens.unwrap().access_token;
    assert_eq!(service.state(&fresh).await, TokenState::Active, "a new token works at once");
}

#[tokio::test]
async fn guard_that_knows_another_entry_shows_the_loss() {
    let Lost { service, token, known, .. } = lose(&ALL_FILES).await;
    let other = service.account("grace@example.com").await.token;
    logout(&service, &other).await;
    assert_eq!(service.state(&token).await, TokenState::Active);
    // A changed digest of the keys does not matter: the guard still shows the entries that it received.
    let (mut guard, _) = Guard::resume(&service, Some(known), vec![9; 32]).await;
    guard.reset().await;
    assert_eq!(service.state(&token).await, TokenState::Revoked);
    assert!(counted(&service, "guard").await);
}

#[tokio::test]
async fn older_database_beside_its_witness_ends_all_tokens() {
    let Lost { service, token, .. } = lose(&ALL_FILES[..2]).await;
    assert_eq!(service.state(&token).await, TokenState::Revoked, "no guard is needed");
    let fresh = service.login(EMAIL, super::support::PASSWORD).await.unwrap().tokens.unwrap().access_token;
    assert_eq!(service.state(&fresh).await, TokenState::Active);
}
