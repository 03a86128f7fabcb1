//! Clocks: the auth service's clock runs ahead, fast or slow for a while, and is then corrected. In another part, the
//! clocks of two replicas differ by 10 s.
//!
//! libfaketime (Debian's `faketime`) moves the clock of one process. The boot clock stays right, as on a machine whose
//! time of day was set wrong.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateUserRequest, LoginRequest, LogoutRequest, RefreshTokenRequest, TokenPair, TokenState, VerifyTokenRequest,
};
use gatepost::{Token, WithToken};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tempfile::TempDir;
use testkit::postgres::PostgresServer;
use tokio::time::{Instant, sleep};
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use crate::Failure;
use crate::drill::{ADMIN_EMAIL, Broken, DRILL_PASSWORD, DRILL_SETTINGS, Report};
use crate::process::{Process, Setup};

/// Debian's folder of libraries, with one folder for each architecture.
const LIBRARY_ROOT: &str = "/usr/lib";
const LIBRARY_PATH: &str = "faketime/libfaketimeMT.so.1";

/// The longest time that a good user may be refused once the clock is right.
const MAX_REFUSAL: Duration = Duration::from_secs(5);

/// The longest wait for the end of a refusal, and the pause between two tries.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Time for the sweep at a start, and time with the clock eight days ahead. The second time is longer than the interval
/// of sweeps, one minute.
const START_SWEEP_TIME: Duration = Duration::from_secs(5);
const LONG_LEAD_TIME: Duration = Duration::from_secs(75);

/// Time with a clock that runs fast or slow. Its error grows to 10 s, twice the leeway of a service.
const DRIFT_TIME: Duration = Duration::from_secs(20);

/// Time until the library reads its file again, with a margin.
const CLOCK_FILE_DELAY: Duration = Duration::from_secs(2);

/// The service's file.
const DATABASE_FILE: &str = "auth.db";

const GOOD_EMAIL: &str = "good@example.com";
const CLUMSY_EMAIL: &str = "clumsy@example.com";

/// Runs the scenario with this many sessions.
///
/// # Errors
/// Fails if a service does not start.
pub(super) async fn run(program: &Path, sessions: usize) -> Result<Report, Failure> {
    let mut report = Report::default();
    let Some(library) = library()? else {
        report.lines.push("clocks: not run, libfaketime is missing: install Debian's package faketime".into());
        return Ok(report);
    };
    let begin = || ClockWorld::begin(program, &library, sessions);
    for case in CLOCK_CASES {
        let world = begin().await?;
        world.set_clock(case.ahead)?;
        let wrong = world.start()?;
        let auth = wrong.channel().await?;
        // The answer does not matter: the clock is still wrong.
        let _ = log_in(&auth, CLUMSY_EMAIL, "a wrong password").await;
        if case.loses {
            world.lose().await?;
        }
        sleep(case.time).await;
        world.check_revoked(case.name, &auth, &mut report).await?;
        drop(wrong);
        world.set_clock("+0")?;
        let right = world.start()?;
        world.check(case.name, &right.channel().await?, case.loses, &mut report).await?;
    }
    let world = begin().await?;
    let running = world.start()?;
    world.set_clock("+691200")?;
    sleep(LONG_LEAD_TIME).await;
    world.set_clock("+0")?;
    sleep(CLOCK_FILE_DELAY).await;
    world.check("8 days ahead for 75 s", &running.channel().await?, false, &mut report).await?;
    apart(program, &library, sessions, &mut report).await?;
    Ok(report)
}

/// A run of the service with a clock that is ahead. During the run a user mistypes a password. The next run has a
/// correct clock.
struct Case {
    name: &'static str,
    /// Seconds that the clock is ahead at the start, and its speed after an `x`.
    ahead: &'static str,
    /// The time until the next start.
    time: Duration,
    /// Set if the log loses its last entry between the two runs, which kills all earlier tokens.
    loses: bool,
}

/// The longest wait that an address can cause by its own calls is between eight minutes and one hour. A sweep at 72 h
/// prunes today's revocations.
const CLOCK_CASES: [Case; 6] = [
    Case { name: "8 min ahead, one wrong password", ahead: "+480", time: CLOCK_FILE_DELAY, loses: false },
    Case { name: "1 h ahead, one wrong password", ahead: "+3600", time: CLOCK_FILE_DELAY, loses: false },
    Case { name: "1 h ahead, the log loses an entry", ahead: "+3600", time: CLOCK_FILE_DELAY, loses: true },
    Case { name: "72 h ahead, one sweep", ahead: "+259200", time: START_SWEEP_TIME, loses: false },
    Case { name: "fast by half for 20 s", ahead: "+0 x1.5", time: DRIFT_TIME, loses: false },
    Case { name: "slow by half for 20 s", ahead: "+0 x0.5", time: DRIFT_TIME, loses: false },
];

/// Returns the library, if it is installed.
fn library() -> Result<Option<PathBuf>, Failure> {
    for folder in std::fs::read_dir(LIBRARY_ROOT)? {
        let library = folder?.path().join(LIBRARY_PATH);
        if library.is_file() {
            return Ok(Some(library));
        }
    }
    Ok(None)
}

/// An auth service with a movable clock, and the sessions of a good user.
struct ClockWorld {
    setup: Setup,
    /// The file with the seconds that the clock is ahead.
    clock: PathBuf,
    pairs: Vec<TokenPair>,
    /// The access token of a session that ended.
    revoked: String,
    _folder: TempDir,
}

impl ClockWorld {
    /// Prepares a service on an SQLite file, with two users and this many sessions that began under a correct clock.
    async fn begin(program: &Path, library: &Path, sessions: usize) -> Result<Self, Failure> {
        let mut world = Self::on(program, library, None)?;
        let first = world.start()?;
        let auth = first.channel().await?;
        for email in [GOOD_EMAIL, CLUMSY_EMAIL] {
            register(&auth, email).await?;
        }
        for _ in 0..sessions {
            world.pairs.push(log_in(&auth, GOOD_EMAIL, DRILL_PASSWORD).await?);
        }
        // Adds an entry to the log, which a sweep may prune.
        let ended = log_in(&auth, GOOD_EMAIL, DRILL_PASSWORD).await?;
        let token = WithToken::new(&Token::parse(&ended.access_token)?);
        AuthServiceClient::with_interceptor(auth, token).logout(LogoutRequest {}).await?;
        world.revoked = ended.access_token;
        Ok(world)
    }

    fn on(program: &Path, library: &Path, database: Option<String>) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let clock = folder.path().join("clock");
        let file = format!("sqlite:{}", folder.path().join(DATABASE_FILE).display());
        let mut environment = vec![
            ("AUTH_ADDRESS_LOGINS_PER_MINUTE", "0".to_owned()),
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        if database.is_some() {
            environment.extend(DRILL_SETTINGS.map(|(name, value)| (name, value.to_owned())));
        }
        let setup = Setup {
            program: program.to_owned(),
            command: "auth",
            arguments: vec!["--database-url".into(), database.unwrap_or(file)],
            environment,
            log: folder.path().join("auth.log"),
        };
        let world = Self { setup, clock, pairs: Vec::new(), revoked: String::new(), _folder: folder };
        world.set_clock("+0")?;
        Ok(world)
    }

    fn start(&self) -> Result<Process, Failure> {
        Process::start(self.setup.clone())
    }

    /// Sets the clock this many seconds ahead of the right time, as in [`Case`]; a running process notices within a second.
    fn set_clock(&self, ahead: &str) -> Result<(), Failure> {
        let next = self.clock.with_extension("next");
        std::fs::write(&next, ahead)?;
        Ok(std::fs::rename(next, &self.clock)?)
    }

    /// Replaces the log's last entry, as a failover to an older copy does.
    async fn lose(&self) -> Result<(), Failure> {
        const LOSE_LAST_ENTRY_SQL: &str =
            "update revocations set mark = zeroblob(16) where revision = (select revision from log_head)";
        let file = SqliteConnectOptions::new().filename(self.clock.with_file_name(DATABASE_FILE));
        let mut database = file.connect().await?;
        database.execute(LOSE_LAST_ENTRY_SQL).await?;
        Ok(database.close().await?)
    }

    /// Checks that the revoked token is refused.
    async fn check_revoked(&self, name: &str, auth: &Channel, report: &mut Report) -> Result<(), Failure> {
        if is_good(auth, &self.revoked).await? {
            report.broken.push(Broken::new("no clock revives a revoked token", name.to_owned()));
        }
        Ok(())
    }

    /// Adds the effects on users after the clock is correct again. `kills` is set if all earlier tokens are dead by
    /// design.
    async fn check(&self, name: &str, auth: &Channel, kills: bool, report: &mut Report) -> Result<(), Failure> {
        let begun = Instant::now();
        self.check_revoked(name, auth, report).await?;
        let good = refused_for(begun, || enter(auth, GOOD_EMAIL)).await;
        let clumsy = refused_for(begun, || enter(auth, CLUMSY_EMAIL)).await;
        let newcomer = refused_for(begun, || register(auth, "new@example.com")).await;
        let (mut tokens, mut sessions) = (0, 0);
        for pair in &self.pairs {
            tokens += usize::from(!is_good(auth, &pair.access_token).await?);
            let request =
                RefreshTokenRequest { refresh_token: pair.refresh_token.clone(), ..RefreshTokenRequest::default() };
            let refreshed = AuthServiceClient::new(auth.clone()).refresh_token(request).await;
            sessions += usize::from(refreshed.is_err());
        }
        report.row(
            &format!("clocks: {name}: refused for"),
            format!("a good user {good}, a user after a mistyped password {clumsy}, a new user {newcomer}"),
        );
        let all = self.pairs.len();
        report.row(&format!("clocks: {name}: lost"), format!("sessions {sessions} of {all}, tokens {tokens} of {all}"));
        let mut miss = |promise, seen: String| report.broken.push(Broken::new(promise, format!("{name}: {seen}")));
        for refused in [good, clumsy, newcomer].into_iter().filter(Refused::is_long) {
            miss("no call is refused for more than 5 s once the clock is right", refused.to_string());
        }
        if sessions > 0 || tokens > if kills { all } else { 0 } {
            miss("a wrong clock ends no session and no token", format!("{sessions}, {tokens} of {all}"));
        }
        Ok(())
    }
}

/// Checks that two replicas on one PostgreSQL, with clocks 10 s apart, accept each other's tokens.
async fn apart(program: &Path, library: &Path, tokens: usize, report: &mut Report) -> Result<(), Failure> {
    let server = PostgresServer::start().await?;
    let database = server.create_database().await?;
    let mut replicas = Vec::new();
    for ahead in ["+0", "+10"] {
        let world = ClockWorld::on(program, library, Some(database.clone()))?;
        world.set_clock(ahead)?;
        let process = world.start()?;
        replicas.push((process.channel().await?, process, world));
    }
    let mut refused = [0, 0];
    for (issuer, refused) in refused.iter_mut().enumerate() {
        let [own, other] = [issuer, 1 - issuer].map(|index| &replicas[index].0);
        for _ in 0..tokens {
            let pair = log_in(own, ADMIN_EMAIL, DRILL_PASSWORD).await?;
            *refused += usize::from(!is_good(other, &pair.access_token).await?);
        }
    }
    let [behind, ahead] = refused;
    report.row(
        "clocks: replicas 10 s apart: fresh tokens refused by the other",
        format!("{behind} of {tokens} of the right one, {ahead} of {tokens} of the one that is ahead"),
    );
    if behind + ahead > 0 {
        report.broken.push(Broken::new("replicas accept each other's tokens", format!("{behind}, {ahead} refused")));
    }
    Ok(())
}

/// The end of a refusal.
enum Refused {
    /// The time from the correction of the clock to the first success.
    For(Duration),
    /// The wait that the answer named.
    Announced(Duration),
    /// The last answer; there was no success within 20 s.
    Beyond(Status),
}

impl Refused {
    fn is_long(&self) -> bool {
        !matches!(self, Self::For(time) if *time <= MAX_REFUSAL)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(time) => write!(formatter, "{} ms", time.as_millis()),
            Self::Announced(wait) => write!(formatter, "{} s (announced)", wait.as_secs()),
            Self::Beyond(last) => write!(formatter, "more than {} s ({})", REFUSAL_TIMEOUT.as_secs(), last.message()),
        }
    }
}

/// Tries until a call succeeds, an answer names a longer wait, or 20 s have passed.
async fn refused_for<F: Future<Output = Result<(), Status>>>(begun: Instant, call: impl Fn() -> F) -> Refused {
    let end = Instant::now() + REFUSAL_TIMEOUT;
    loop {
        let Err(status) = call().await else { return Refused::For(begun.elapsed()) };
        match status.get_details_retry_info().and_then(|retry| retry.retry_delay) {
            Some(wait) if wait > REFUSAL_TIMEOUT => return Refused::Announced(wait),
            _ if Instant::now() > end => return Refused::Beyond(status),
            _ => sleep(RETRY_PAUSE).await,
        }
    }
}

async fn register(auth: &Channel, email: &str) -> Result<(), Status> {
    let (name, email, password) = ("Ada".to_owned(), email.to_owned(), DRILL_PASSWORD.to_owned());
    let request = CreateUserRequest { name, email, password, ..CreateUserRequest::default() };
    UserServiceClient::new(auth.clone()).create_user(request).await.map(drop)
}

async fn log_in(auth: &Channel, email: &str, password: &str) -> Result<TokenPair, Status> {
    let request = LoginRequest { email: email.to_owned(), password: password.to_owned(), ..LoginRequest::default() };
    let answer = AuthServiceClient::new(auth.clone()).login(request).await?.into_inner();
    answer.tokens.ok_or_else(|| Status::internal("a login without tokens"))
}

/// Logs in, and fails unless the token is good.
async fn enter(auth: &Channel, email: &str) -> Result<(), Status> {
    let pair = log_in(auth, email, DRILL_PASSWORD).await?;
    if is_good(auth, &pair.access_token).await? {
        Ok(())
    } else {
        Err(Status::unauthenticated("the new token is refused"))
    }
}

async fn is_good(auth: &Channel, token: &str) -> Result<bool, Status> {
    let request = VerifyTokenRequest { token: token.to_owned() };
    let answer = TokenServiceClient::new(auth.clone()).verify_token(request).await?.into_inner();
    Ok(answer.state() == TokenState::Active)
}
