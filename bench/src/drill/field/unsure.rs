//! Unsure: the database is paused while users log out and change passwords, so that the outcome is uncertain. A refused
//! change must not take effect.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{ChangePasswordRequest, LogoutRequest, TokenState, VerifyTokenRequest};
use gatepost::{Token, WithToken};
use testkit::postgres::PostgresServer;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::kids::register;
use crate::Failure;
use crate::drill::{Answer, Broken, DRILL_PASSWORD, DRILL_SETTINGS, Random, Report};
use crate::process::{Process, Setup};

/// The length of a pause of the database, and the time between two.
const STALL_TIME: Duration = Duration::from_millis(600);
const CALM_TIME: Duration = Duration::from_millis(500);

/// Calls of each kind in one stall.
const LOGOUTS_PER_STALL: usize = 4;
const CHANGES_PER_STALL: usize = 3;

/// The longest time until a commit whose client has gone is done or rolled back.
const MAX_SETTLE_TIME: Duration = Duration::from_secs(3);

const OTHER_PASSWORD: &str = "another battery horse staple";

/// A change that a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum UnsureChange {
    Logout,
    ChangePassword,
}

/// A change that was answered.
struct Change {
    kind: UnsureChange,
    token: Token,
    answer: Answer,
}

/// Stalls the database this many times.
///
/// # Errors
/// Fails if a service or the server does not start, or ends.
pub(super) async fn run(program: &Path, stalls: usize, seed: u64) -> Result<Report, Failure> {
    let (server, folder) = (PostgresServer::start().await?, tempfile::tempdir()?);
    let auth = Process::start(Setup {
        program: program.to_owned(),
        command: "auth",
        arguments: vec!["--database-url".into(), server.create_database().await?],
        environment: DRILL_SETTINGS.map(|(name, value)| (name, value.to_owned())).into(),
        log: folder.path().join("auth.log"),
    })?;
    let (channel, mut random) = (auth.channel().await?, Random::new(seed));
    let mut sessions = sessions(&channel, stalls).await?;
    // Measures how long a change hashes before its commit, so that the stall can begin at the commit.
    let begun = Instant::now();
    let probe = sessions.pop().ok_or("no session")?;
    ask(&channel, UnsureChange::ChangePassword, &probe).await.map_err(|status| status.to_string())?;
    let hashing = begun.elapsed();
    let mut changes = Vec::new();
    for _ in 0..stalls {
        sleep(CALM_TIME).await;
        let at = Instant::now() + hashing + Duration::from_millis(50);
        let mut calls = JoinSet::new();
        for number in 0..LOGOUTS_PER_STALL + CHANGES_PER_STALL {
            let kind = if number < LOGOUTS_PER_STALL { UnsureChange::Logout } else { UnsureChange::ChangePassword };
            let token = sessions.pop().ok_or("no session")?;
            // Half of the calls commit when the stall begins, the others at any time during the stall.
            let late = if number % 2 == 0 { random.millis(0, 40) } else { random.millis(0, 600) };
            let lead = if kind == UnsureChange::Logout { Duration::from_millis(20) } else { hashing };
            calls.spawn(make(channel.clone(), kind, token, at + late - lead));
        }
        sleep_until(at).await;
        server.pause().await?;
        sleep(STALL_TIME).await;
        server.resume().await?;
        changes.extend(calls.join_all().await);
    }
    sleep(MAX_SETTLE_TIME).await;
    check(&channel, changes).await
}

/// Registers a user for each change, and one more for the measurement of a hash.
async fn sessions(channel: &Channel, stalls: usize) -> Result<Vec<Token>, Failure> {
    let mut sessions = Vec::new();
    for user in 0..=stalls * (LOGOUTS_PER_STALL + CHANGES_PER_STALL) {
        sessions.push(Token::parse(&register(channel, user).await?.access_token)?);
    }
    Ok(sessions)
}

async fn make(channel: Channel, kind: UnsureChange, token: Token, at: Instant) -> Change {
    sleep_until(at).await;
    let answer = match ask(&channel, kind, &token).await {
        Ok(()) => Answer::success(),
        Err(status) => Answer::of(&status),
    };
    Change { kind, token, answer }
}

async fn ask(channel: &Channel, kind: UnsureChange, token: &Token) -> Result<(), Status> {
    let with_token = WithToken::new(token);
    match kind {
        UnsureChange::Logout => {
            AuthServiceClient::with_interceptor(channel.clone(), with_token).logout(LogoutRequest {}).await.map(drop)
        }
        UnsureChange::ChangePassword => {
            let request =
                ChangePasswordRequest { current_password: DRILL_PASSWORD.into(), new_password: OTHER_PASSWORD.into() };
            UserServiceClient::with_interceptor(channel.clone(), with_token).change_password(request).await.map(drop)
        }
    }
}

/// Counts the changes by their answers. Each count comes with the number of changes that took effect.
async fn check(channel: &Channel, changes: Vec<Change>) -> Result<Report, Failure> {
    let (mut report, mut counts) = (Report::default(), BTreeMap::<(UnsureChange, String), [usize; 2]>::new());
    for Change { kind, token, answer } in changes {
        let request = VerifyTokenRequest { token: token.expose().to_owned() };
        let state = TokenServiceClient::new(channel.clone()).verify_token(request).await?.into_inner().state();
        let is_in_force = state == TokenState::Revoked;
        let count = counts.entry((kind, answer.to_string())).or_default();
        count[0] += 1;
        count[1] += usize::from(is_in_force);
        let seen = format!("{kind:?}: {answer}");
        if answer.is_refusal() && is_in_force {
            report.broken.push(Broken::new("a refused change has no effect", seen));
        } else if answer.code == Code::Ok && !is_in_force {
            report.broken.push(Broken::new("an acknowledged change has taken effect", seen));
        } else if !answer.is_honest() {
            report.broken.push(Broken::new("in a stall, calls end OK, UNAVAILABLE or DEADLINE_EXCEEDED", seen));
        }
    }
    for ((kind, answer), [count, in_force]) in counts {
        report.row(&format!("unsure: {kind:?}, {answer}"), format!("{count}, of which {in_force} took effect"));
    }
    Ok(report)
}
