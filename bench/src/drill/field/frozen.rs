//! Frozen: one of two replicas on one PostgreSQL freezes in the middle of its writes. The drill measures calls at the
//! other replica.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, DisableUserRequest, EnableUserRequest, LoginRequest};
use gatepost::{Token, WithToken};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::Status;
use tonic::transport::Channel;

use super::super::{ADMIN_EMAIL, Broken, DRILL_PASSWORD, DRILL_SETTINGS, Random, TimeSpan};
use super::FieldFigures;
use crate::Failure;
use crate::process::{Process, Setup};

/// Number of callers of each replica.
const CALLERS_PER_REPLICA: usize = 4;

/// The length of a freeze, and the longest time between two.
const FREEZE_TIME: Duration = Duration::from_millis(300);
const MAX_FREEZE_GAP_MS: u64 = 150;

/// A call of the other replica.
struct FrozenCall {
    time: TimeSpan,
    failure: Option<Status>,
}

/// The result of a run.
pub(super) struct FreezeResult {
    /// A line for each figure.
    pub(super) figures: FieldFigures,
    /// Number of freezes that held a revocation up.
    pub(super) held_up: usize,
}

/// An admin's connection to a replica.
struct AdminConnection {
    channel: Channel,
    token: WithToken,
}

/// Freezes one replica this many times, and returns a line for each figure.
///
/// # Errors
/// Fails if the scenario itself cannot continue.
pub async fn run(program: &Path, freezes: usize, seed: u64) -> Result<FieldFigures, Failure> {
    let Some(server) = testkit::postgres::server().await else { return Ok(FieldFigures::default()) };
    let url = server.create_database().await?;
    Ok(freeze(program, &url, freezes, seed).await?.figures)
}

/// Freezes one of two replicas on this database this many times.
///
/// # Errors
/// Fails if the scenario itself cannot continue.
pub(super) async fn freeze(program: &Path, url: &str, freezes: usize, seed: u64) -> Result<FreezeResult, Failure> {
    let folder = tempfile::tempdir()?;
    let start = |name: &str| {
        Process::start(Setup {
            program: program.to_owned(),
            command: "auth",
            arguments: vec!["--database-url".into(), url.to_owned()],
            environment: DRILL_SETTINGS.map(|(name, value)| (name, value.to_owned())).into(),
            log: folder.path().join(format!("{name}.log")),
        })
    };
    let (frozen, other) = (start("frozen")?, start("other")?);
    let end = Arc::new(AtomicBool::new(false));
    let (mut theirs, mut ours) = (JoinSet::new(), JoinSet::new());
    for caller in 0..CALLERS_PER_REPLICA {
        theirs.spawn(revoke(admin(&frozen).await?, user(&frozen, caller).await?, Arc::clone(&end)));
        ours.spawn(revoke(admin(&other).await?, user(&other, CALLERS_PER_REPLICA + caller).await?, Arc::clone(&end)));
    }
    let (mut random, mut times) = (Random::new(seed), Vec::new());
    for _ in 0..freezes {
        sleep(random.millis(20, MAX_FREEZE_GAP_MS)).await;
        frozen.pause().await?;
        let begun = Instant::now();
        sleep(FREEZE_TIME).await;
        times.push(TimeSpan::since(begun));
        frozen.resume()?;
    }
    // The same times without a freeze, for comparison: the machine alone may be slow.
    let mut control = Vec::new();
    for _ in 0..freezes {
        sleep(random.millis(20, MAX_FREEZE_GAP_MS)).await;
        let begun = Instant::now();
        sleep(FREEZE_TIME).await;
        control.push(TimeSpan::since(begun));
    }
    end.store(true, Ordering::Relaxed);
    let calls: Vec<FrozenCall> = ours.join_all().await.into_iter().flatten().collect();
    theirs.shutdown().await;
    Ok(figures(&calls, &times, &control))
}

/// Returns the number of these times in which a call took half of a freeze or more.
fn held_up(calls: &[FrozenCall], times: &[TimeSpan]) -> usize {
    let is_hit =
        |freeze: &&TimeSpan| calls.iter().any(|call| call.time.length() >= FREEZE_TIME / 2 && freeze.meets(&call.time));
    times.iter().filter(is_hit).count()
}

fn figures(calls: &[FrozenCall], times: &[TimeSpan], control: &[TimeSpan]) -> FreezeResult {
    let during = |call: &&FrozenCall| times.iter().any(|freeze| freeze.meets(&call.time));
    let longest = calls.iter().filter(during).map(|call| call.time.length()).max().unwrap_or_default();
    let failed: Vec<&FrozenCall> = calls.iter().filter(|call| call.failure.is_some()).collect();
    let hit = held_up(calls, times);
    let lines = vec![
        format!("freezes of one replica: {}; revocations at the other: {}", times.len(), calls.len()),
        format!("freezes that delayed a revocation by 150 ms and more: {hit}"),
        format!("delays of 150 ms in as many periods without a freeze: {}", held_up(calls, control)),
        format!("revocations that failed: {}; the longest beside a freeze: {} ms", failed.len(), longest.as_millis()),
    ];
    let broken = failed.first().and_then(|call| call.failure.as_ref()).map(|status| {
        Broken::new(
            "a frozen replica does not delay revocations at the other replica",
            format!("{} times, first: {status}", failed.len()),
        )
    });
    let figures = FieldFigures { lines, broken: broken.into_iter().collect(), ..FieldFigures::default() };
    FreezeResult { figures, held_up: hit }
}

/// Logs the admin in at a replica.
async fn admin(replica: &Process) -> Result<AdminConnection, Failure> {
    let channel = replica.channel().await?;
    let request =
        LoginRequest { email: ADMIN_EMAIL.into(), password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
    let tokens = AuthServiceClient::new(channel.clone()).login(request).await?.into_inner().tokens;
    let token = Token::parse(&tokens.ok_or("no tokens")?.access_token)?;
    Ok(AdminConnection { channel, token: WithToken::new(&token) })
}

/// Registers a user, and returns its id.
async fn user(replica: &Process, number: usize) -> Result<String, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: format!("user{number}@example.com"),
        password: DRILL_PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(replica.channel().await?).create_user(request).await?.into_inner();
    Ok(created.user.ok_or("no user")?.id)
}

/// Disables and enables a user in turns: each call writes an entry of the log.
async fn revoke(admin: AdminConnection, id: String, end: Arc<AtomicBool>) -> Vec<FrozenCall> {
    let mut users = UserServiceClient::with_interceptor(admin.channel, admin.token);
    let (mut calls, mut bars) = (Vec::new(), true);
    while !end.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = if bars {
            users.disable_user(DisableUserRequest { id: id.clone(), etag: String::new() }).await.map(drop)
        } else {
            users.enable_user(EnableUserRequest { id: id.clone(), etag: String::new() }).await.map(drop)
        };
        bars = !bars;
        calls.push(FrozenCall { time: TimeSpan::since(begun), failure: answer.err() });
    }
    calls
}
