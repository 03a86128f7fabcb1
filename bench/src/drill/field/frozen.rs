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

use super::super::{ADMIN, Broken, PASSWORD, Random, SETTINGS};
use super::Figures;
use crate::Failure;
use crate::process::{Process, Setup};

/// Number of callers of each replica.
const CALLERS: usize = 4;

/// The length of a freeze, and the longest time between two.
const FREEZE: Duration = Duration::from_millis(300);
const BETWEEN: u64 = 150;

/// A call of the other replica.
struct FrozenCall {
    begun: Instant,
    ended: Instant,
    failure: Option<Status>,
}

/// Freezes one replica this many times, and returns a line for each figure.
///
/// # Errors
/// Fails if the scenario itself cannot continue.
pub async fn run(program: &Path, freezes: usize, seed: u64) -> Result<Figures, Failure> {
    let Some(server) = testkit::postgres::server().await else { return Ok(Figures::default()) };
    let url = server.create_database().await?;
    Ok(freeze(program, &url, freezes, seed).await?.0)
}

/// Freezes one of two replicas on this database this many times. Returns a line for each figure, and the number of
/// freezes that delayed a revocation.
///
/// # Errors
/// Fails if the scenario itself cannot continue.
pub(super) async fn freeze(program: &Path, url: &str, freezes: usize, seed: u64) -> Result<(Figures, usize), Failure> {
    let folder = tempfile::tempdir()?;
    let start = |name: &str| {
        Process::start(Setup {
            program: program.to_owned(),
            command: "auth",
            arguments: vec!["--database-url".into(), url.to_owned()],
            environment: SETTINGS.map(|(name, value)| (name, value.to_owned())).into(),
            log: folder.path().join(format!("{name}.log")),
        })
    };
    let (frozen, other) = (start("frozen")?, start("other")?);
    let end = Arc::new(AtomicBool::new(false));
    let (mut theirs, mut ours) = (JoinSet::new(), JoinSet::new());
    for caller in 0..CALLERS {
        theirs.spawn(revoke(admin(&frozen).await?, user(&frozen, caller).await?, Arc::clone(&end)));
        ours.spawn(revoke(admin(&other).await?, user(&other, CALLERS + caller).await?, Arc::clone(&end)));
    }
    let (mut random, mut times) = (Random::new(seed), Vec::new());
    for _ in 0..freezes {
        sleep(random.millis(20, BETWEEN)).await;
        frozen.pause().await?;
        let begun = Instant::now();
        sleep(FREEZE).await;
        times.push((begun, Instant::now()));
        frozen.resume()?;
    }
    // The same times without a freeze, for comparison: the machine alone may be slow.
    let mut control = Vec::new();
    for _ in 0..freezes {
        sleep(random.millis(20, BETWEEN)).await;
        let begun = Instant::now();
        sleep(FREEZE).await;
        control.push((begun, Instant::now()));
    }
    end.store(true, Ordering::Relaxed);
    let calls: Vec<FrozenCall> = ours.join_all().await.into_iter().flatten().collect();
    theirs.shutdown().await;
    Ok(figures(&calls, &times, &control))
}

/// Returns the number of these times in which a call took half of a freeze or more.
fn held_up(calls: &[FrozenCall], times: &[(Instant, Instant)]) -> usize {
    let is_hit = |(begun, ended): &&(Instant, Instant)| {
        let is_late =
            |call: &FrozenCall| call.ended - call.begun >= FREEZE / 2 && call.begun < *ended && *begun < call.ended;
        calls.iter().any(is_late)
    };
    times.iter().filter(is_hit).count()
}

fn figures(calls: &[FrozenCall], times: &[(Instant, Instant)], control: &[(Instant, Instant)]) -> (Figures, usize) {
    let during = |call: &&FrozenCall| times.iter().any(|(begun, ended)| call.begun < *ended && *begun < call.ended);
    let longest = calls.iter().filter(during).map(|call| call.ended - call.begun).max().unwrap_or_default();
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
    (Figures { lines, broken: broken.into_iter().collect(), ..Figures::default() }, hit)
}

/// Returns a connection and a token of the admin.
async fn admin(replica: &Process) -> Result<(Channel, WithToken), Failure> {
    let channel = replica.channel().await?;
    let request = LoginRequest { email: ADMIN.into(), password: PASSWORD.into(), ..LoginRequest::default() };
    let tokens = AuthServiceClient::new(channel.clone()).login(request).await?.into_inner().tokens;
    let token = Token::parse(&tokens.ok_or("no tokens")?.access_token)?;
    Ok((channel, WithToken::new(&token)))
}

/// Registers a user, and returns its id.
async fn user(replica: &Process, number: usize) -> Result<String, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: format!("user{number}@example.com"),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(replica.channel().await?).create_user(request).await?.into_inner();
    Ok(created.user.ok_or("no user")?.id)
}

/// Disables and enables a user in turns: each call writes an entry of the log.
async fn revoke((channel, token): (Channel, WithToken), id: String, end: Arc<AtomicBool>) -> Vec<FrozenCall> {
    let mut users = UserServiceClient::with_interceptor(channel, token);
    let (mut calls, mut bars) = (Vec::new(), true);
    while !end.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = if bars {
            users.disable_user(DisableUserRequest { id: id.clone(), etag: String::new() }).await.map(drop)
        } else {
            users.enable_user(EnableUserRequest { id: id.clone(), etag: String::new() }).await.map(drop)
        };
        bars = !bars;
        calls.push(FrozenCall { begun, ended: Instant::now(), failure: answer.err() });
    }
    calls
}
