//! `bench auth`: capacity of the auth service with a million live sessions, and in a flood of logins.

mod comparisons;
mod fill;
mod flood;
mod samples;
mod shared;
mod timing;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bench::Failure;
use bench::services::{self, Services};
use clap::{Args, ValueEnum};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, LoginRequest, TokenState, VerifyTokenRequest};
use tonic::transport::Channel;

use self::shared::{USER_EMAIL, USER_PASSWORD, median, row};
use bench::load::{ComparedFigures, compare, hash_rate, health, in_turn, measure, task_rate, verify_token};

pub(crate) use timing::run as timing;

/// Number of live sessions, and of revocations in memory.
const LIVE_SESSIONS: usize = 1_000_000;
const REVOCATIONS_IN_MEMORY: usize = 100_000;

/// Numbers of connections for the callers of `VerifyToken`: one, like a single process, and 16, like several guards.
const VERIFY_CONNECTIONS: [usize; 2] = [1, 16];

/// Number of turns for logins and for hashes, and the length of a turn.
const LOGIN_TURNS: usize = 3;
const LOGIN_TURN_TIME: Duration = Duration::from_secs(8);

/// Flags of `bench auth`.
#[derive(Clone, Debug, Args)]
pub(crate) struct AuthOptions {
    /// Only these figures [default: all of them]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<AuthFigure>,
    /// The `gatepost` program to start [default: built from these sources first]
    #[arg(long)]
    program: Option<PathBuf>,
}

/// A group of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AuthFigure {
    /// Memory of a revocation
    Memory,
    /// `VerifyToken` beside a health check
    Verify,
    /// Login beside the hash alone
    Login,
    /// `VerifyToken`, refusals and memory in a flood of logins
    Flood,
}

impl AuthOptions {
    fn includes(&self, figure: AuthFigure) -> bool {
        self.only.is_empty() || self.only.contains(&figure)
    }
}

/// Prints the figures of `VerifyToken`, memory, logins and a flood of logins.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(crate) async fn run(options: AuthOptions, command: &str) -> Result<(), Failure> {
    bench::machine::print(command);
    let binary = options.program.clone().map_or_else(services::build, Ok)?;
    let folder = tempfile::tempdir()?;
    let user = register(&binary, folder.path()).await?;
    let database = folder.path().join("data/auth.db");
    fill::sessions(&database, &user, LIVE_SESSIONS).await?;
    fill::revocations(&database, REVOCATIONS_IN_MEMORY).await?;
    println!("\nfigure                                                      measured    target");
    if options.includes(AuthFigure::Memory) {
        memory(&binary, folder.path(), &database).await?;
    }
    let pair = start(&binary, folder.path()).await?;
    let token = login(&pair.auth).await?;
    if options.includes(AuthFigure::Verify) {
        for connections in VERIFY_CONNECTIONS {
            verify(&pair, &token, connections).await?;
        }
    }
    if options.includes(AuthFigure::Login) {
        let (mut alone, mut logged_in) = (Vec::new(), Vec::new());
        for _ in 0..LOGIN_TURNS {
            alone.push(hash_rate(LOGIN_TURN_TIME).await?);
            logged_in.push(logins(&pair.auth).await?);
        }
        let (hashes, logins) = (median(alone), median(logged_in));
        row("Login / hash alone", &format!("{:.2}", logins / hashes), ">= 0.9");
        println!("  {logins:.1} and {hashes:.1} a second");
    }
    if options.includes(AuthFigure::Flood) {
        flood::run(&pair, &token, hash_rate(LOGIN_TURN_TIME).await?).await?;
    }
    pair.stop()
}

/// Measures the memory of a revocation: as many as the database already has are added.
async fn memory(binary: &Path, folder: &Path, database: &Path) -> Result<(), Failure> {
    let pair = start(binary, folder).await?;
    let fewer = pair.memory()?;
    pair.stop()?;
    fill::revocations(database, REVOCATIONS_IN_MEMORY).await?;
    let pair = start(binary, folder).await?;
    let more = pair.memory()?;
    pair.stop()?;
    let bytes = (more - fewer) * 1024.0 * 1024.0 / f64::from(u32::try_from(REVOCATIONS_IN_MEMORY)?);
    row("memory of a revocation, from 100,000 to 200,000", &format!("{bytes:.0} bytes"), "<= 64 bytes");
    Ok(())
}

/// Measures `VerifyToken` and `Check` in turns. The callers share this many connections.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
async fn verify(pair: &Services, token: &str, connections: usize) -> Result<(), Failure> {
    let channels = pair.connections(connections).await?;
    let checks = in_turn(channels.iter().map(health).collect());
    let questions = in_turn(channels.iter().map(|channel| verify_token(channel, token)).collect());
    let ComparedFigures { one: check, other: verify } = compare(checks.clone(), questions.clone()).await?;
    let name = format!("VerifyToken / Check, 1,000,000 sessions, {connections} connections");
    row(&name, &format!("{:.2}", verify.rate / check.rate), ">= 0.9");
    println!("  {:.0} and {:.0} calls/s, p99 {:.2} and {:.2} ms", verify.rate, check.rate, verify.p99, check.p99);
    // The same call with a token of one byte, and without claims in the answer.
    let trifles = in_turn(channels.iter().map(|channel| verify_token(channel, "x")).collect());
    let ComparedFigures { one: check, other: trifle } = compare(checks.clone(), trifles).await?;
    println!("  {:.2} x Check for an invalid token of one byte", trifle.rate / check.rate);
    let [check, verify] = [cost(pair, checks).await?, cost(pair, questions).await?];
    println!("  {verify:.1} and {check:.1} us of the service's processors a call");
    Ok(())
}

/// Returns the processor time of the service per call, in microseconds.
async fn cost<F>(pair: &Services, call: impl Fn() -> F + Clone + Send + 'static) -> Result<f64, Failure>
where
    F: Future<Output = Result<(), tonic::Status>> + Send,
{
    let before = pair.processor_time()?;
    let figures = measure(call).await?;
    Ok((pair.processor_time()? - before) * 1e6 / figures.count)
}

/// Starts the pair without limits on wrong passwords: all callers have one address here.
async fn start(binary: &Path, folder: &Path) -> Result<Services, Failure> {
    Services::pair(binary, folder, without_limits).await
}

fn without_limits(command: &mut Command) -> &mut Command {
    command.env("AUTH_FREE_FAILURES", "0").env("AUTH_ADDRESS_FAILURES", "0").env("AUTH_SIGN_UPS", "0");
    command.env("AUTH_ADDRESS_LOGINS_PER_MINUTE", "0").env("AUTH_USER_SESSIONS", "0")
}

/// Creates a database with one user and a session; returns the user's id.
async fn register(binary: &Path, folder: &Path) -> Result<String, Failure> {
    let pair = start(binary, folder).await?;
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: USER_EMAIL.into(),
        password: USER_PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(pair.auth.clone()).create_user(request).await?.into_inner();
    pair.stop()?;
    Ok(created.user.ok_or("no user")?.id)
}

async fn login(auth: &Channel) -> Result<String, Failure> {
    let request = LoginRequest { email: USER_EMAIL.into(), password: USER_PASSWORD.into(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(auth.clone()).login(request).await?.into_inner();
    let token = answer.tokens.ok_or("no tokens")?.access_token;
    let state = TokenServiceClient::new(auth.clone()).verify_token(VerifyTokenRequest { token: token.clone() }).await?;
    if state.into_inner().state() == TokenState::Active { Ok(token) } else { Err("the token is not good".into()) }
}

/// Returns logins per second.
async fn logins(auth: &Channel) -> Result<f64, Failure> {
    let auth = auth.clone();
    task_rate(LOGIN_TURN_TIME, move || {
        let auth = auth.clone();
        async move { login(&auth).await.map(drop) }
    })
    .await
}
