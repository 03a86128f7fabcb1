//! Crowd: two thousand clients of a guarded service, whose only auth service is killed and started again.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{LoginRequest, RefreshTokenRequest, TokenPair};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::guarded::{SERVICE_KEY, read, write};
use super::kids::register;
use crate::Failure;
use crate::drill::{Broken, DRILL_PASSWORD, DRILL_SETTINGS, Report};
use crate::process::{Process, Setup};

/// Number of clients in the full form.
pub(super) const CLIENT_COUNT: usize = 2_000;

/// Clients that share a connection.
const CLIENTS_PER_CONNECTION: usize = 50;

/// Logins at once: more would wait for the processor.
const LOGINS_AT_ONCE: usize = 4;

/// Interval between two calls of a client.
const CALL_INTERVAL: Duration = Duration::from_secs(4);

/// Time after which a client gives an attempt up, and time after which it repeats the call no more.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(15);

/// Time without a fault at the start and after each restart, and time from a kill to the new start.
const CALM_TIME: Duration = Duration::from_secs(12);
const OUTAGE_TIME: Duration = Duration::from_secs(3);

/// Time after a restart until calls take as long as before.
const RECOVERY_TIME: Duration = Duration::from_secs(5);

/// Promise R8: requests to the auth service for a call of a client.
const MAX_REQUESTS: f64 = 1.1;

/// A p99 below this time counts as usual. A debug build needs more.
const USUAL_P99: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 10 });

/// The processes, and the data of the clients.
struct CrowdRig {
    auth: Process,
    blog: Process,
    /// Address of the auth service's operations port.
    metrics: SocketAddr,
    sessions: Vec<TokenPair>,
    post: String,
    _folder: TempDir,
}

/// A client with a session of its own.
#[derive(Clone)]
struct CrowdClient {
    blog: Channel,
    post: String,
    token: String,
    calls: CrowdCalls,
}

/// A call with its repetitions.
#[derive(Clone, Copy, Debug)]
struct CrowdCall {
    begun: Instant,
    length: Duration,
    is_ok: bool,
}

/// A restart, and the calls that began since the kill and have ended.
struct CrowdRestart {
    calls: Vec<CrowdCall>,
    attempts: u64,
    /// Requests that the auth service has got since the restart.
    requests: f64,
    started: Instant,
    /// The p99 before all kills.
    usual: Duration,
}

/// The calls of all clients.
#[derive(Clone, Default)]
struct CrowdCalls {
    ended: Arc<Mutex<Vec<CrowdCall>>>,
    attempts: Arc<AtomicU64>,
}

/// Kills and restarts the auth service this many times under the calls of this many clients.
///
/// # Errors
/// Fails if a service does not start, or ends.
pub(super) async fn run(program: &Path, clients: usize, restarts: usize) -> Result<Report, Failure> {
    let mut rig = CrowdRig::start(program, clients).await?;
    let (calls, mut report) = (CrowdCalls::default(), Report::default());
    let mut callers = rig.call(&calls).await?;
    // The first call of each client is about a token that the guard does not know.
    sleep(CALL_INTERVAL + CALM_TIME).await;
    let usual = p99(calls.take().iter());
    report.row("crowd: clients, seconds between two calls", format!("{clients}, {}", CALL_INTERVAL.as_secs()));
    report.row("crowd: p99 before", millis(usual));
    for number in 1..=restarts {
        calls.attempts.store(0, Relaxed);
        rig.auth.kill()?;
        sleep(OUTAGE_TIME).await;
        rig.auth.start_again()?;
        let started = Instant::now();
        sleep(CALM_TIME).await;
        let requests = rig.requests().await?;
        let restart =
            CrowdRestart { calls: calls.take(), attempts: calls.attempts.load(Relaxed), requests, started, usual };
        restart.judge(number, &mut report);
    }
    callers.shutdown().await;
    let lost = rig.refresh_all().await?;
    report.row("crowd: sessions that cannot be refreshed at the end", lost);
    if lost > 0 {
        let seen = format!("{lost} of {clients} sessions cannot be refreshed");
        report.broken.push(Broken::new("a restart of the auth service logs no user out", seen));
    }
    Ok(report)
}

impl CrowdRig {
    async fn start(program: &Path, clients: usize) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        // The restarted service needs the same port.
        let metrics = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let setup = |command: &'static str, arguments: &[&str], key: &'static str| Setup {
            program: program.to_owned(),
            command,
            arguments: ["--database-url", &format!("sqlite:{}", folder.path().join(format!("{command}.db")).display())]
                .iter()
                .chain(arguments)
                .map(|argument| (*argument).to_owned())
                .collect(),
            environment: DRILL_SETTINGS
                .into_iter()
                .chain([(key, SERVICE_KEY)])
                .map(|(name, value)| (name, value.to_owned()))
                .collect(),
            log: folder.path().join(format!("{command}.log")),
        };
        let auth = Process::start(setup("auth", &["--ops-listen", &metrics.to_string()], "AUTH_SERVICE_KEY"))?;
        let url = format!("http://{}", auth.address());
        let blog = Process::start(setup("blog", &["--auth-url", &url], "BLOG_SERVICE_KEY"))?;
        let sessions = log_in(&auth.channel().await?, clients).await?;
        let writer = sessions.first().ok_or("no session")?;
        let post = write(blog.channel().await?, &writer.access_token).await?;
        Ok(Self { auth, blog, metrics, sessions, post, _folder: folder })
    }

    /// Starts the clients, which end when the set is dropped. Their first calls are spread over one interval.
    async fn call(&self, calls: &CrowdCalls) -> Result<JoinSet<()>, Failure> {
        let (mut callers, begun) = (JoinSet::new(), Instant::now());
        let step = CALL_INTERVAL / u32::try_from(self.sessions.len())?;
        for (number, sessions) in (0_u32..).zip(self.sessions.chunks(CLIENTS_PER_CONNECTION)) {
            let blog = self.blog.channel().await?;
            for (place, session) in (0_u32..).zip(sessions) {
                let (post, token) = (self.post.clone(), session.access_token.clone());
                let client = CrowdClient { blog: blog.clone(), post, token, calls: calls.clone() };
                let first = begun + step * (number * u32::try_from(CLIENTS_PER_CONNECTION)? + place);
                callers.spawn(client.call_periodically(first));
            }
        }
        Ok(callers)
    }

    /// Returns the number of requests for a verification that the auth service has got since its start.
    async fn requests(&self) -> Result<f64, Failure> {
        let page = testkit::http::get(self.metrics, "/metrics").await;
        let is_wanted = |line: &&str| line.starts_with("gatepost_calls_total") && line.contains("VerifyToken");
        let mut sum = 0.0;
        for line in page.body.lines().filter(is_wanted) {
            sum += line.rsplit(' ').next().unwrap_or_default().parse::<f64>()?;
        }
        Ok(sum)
    }

    /// Refreshes each session. Returns the number of failures.
    async fn refresh_all(&self) -> Result<usize, Failure> {
        let (mut auth, mut lost) = (AuthServiceClient::new(self.auth.channel().await?), 0);
        for session in &self.sessions {
            let refresh_token = session.refresh_token.clone();
            let request = RefreshTokenRequest { refresh_token, ..RefreshTokenRequest::default() };
            lost += usize::from(auth.refresh_token(request).await.is_err());
        }
        Ok(lost)
    }
}

/// Returns this many sessions of one user.
async fn log_in(auth: &Channel, count: usize) -> Result<Vec<TokenPair>, Failure> {
    let mut sessions = vec![register(auth, 0).await?];
    let mut open = JoinSet::new();
    while sessions.len() < count {
        while open.len() < LOGINS_AT_ONCE.min(count - sessions.len()) {
            let mut client = AuthServiceClient::new(auth.clone());
            open.spawn(async move {
                let (email, password) = ("ada-0@example.com".to_owned(), DRILL_PASSWORD.to_owned());
                client.login(LoginRequest { email, password, ..LoginRequest::default() }).await
            });
        }
        let answer = open.join_next().await.ok_or("no login")???;
        sessions.push(answer.into_inner().tokens.ok_or("no tokens")?);
    }
    Ok(sessions)
}

impl CrowdClient {
    async fn call_periodically(self, first: Instant) {
        let mut ticks = interval_at(first, CALL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.call().await;
        }
    }

    /// Calls, and repeats the call as `RetryInfo` says.
    async fn call(&self) {
        let begun = Instant::now();
        let is_ok = loop {
            self.calls.attempts.fetch_add(1, Relaxed);
            let answer = timeout(ATTEMPT_TIMEOUT, read(&self.blog, &self.post, &self.token)).await;
            let status = match answer {
                Ok(Ok(())) => break true,
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded("the client has given up"),
            };
            let pause = status.get_details_retry_info().and_then(|info| info.retry_delay);
            let Some(pause) = pause.filter(|pause| begun.elapsed() + *pause < PATIENCE) else { break false };
            sleep(pause).await;
        };
        let call = CrowdCall { begun, length: begun.elapsed(), is_ok };
        self.calls.ended.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

impl CrowdCalls {
    /// Returns the calls that have ended since the last time.
    fn take(&self) -> Vec<CrowdCall> {
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CrowdRestart {
    /// Adds the figures and the broken promises.
    #[expect(clippy::cast_precision_loss, reason = "the calls of a minute are few")]
    fn judge(&self, number: usize, report: &mut Report) {
        let name = format!("crowd: restart {number}");
        let (count, failed) = (self.calls.len(), self.calls.iter().filter(|call| !call.is_ok).count());
        let (requests, attempts) = (self.requests / count as f64, self.attempts as f64 / count as f64);
        let later = p99(self.calls.iter().filter(|call| call.begun >= self.started + RECOVERY_TIME));
        report.row(&format!("{name}: calls, failed calls"), format!("{count}, {failed}"));
        report.row(&format!("{name}: attempts for each call"), format!("{attempts:.2}"));
        report.row(&format!("{name}: requests for each call"), format!("{requests:.2}"));
        report.row(&format!("{name}: p99 from 5 s after it on"), millis(later));
        if requests > MAX_REQUESTS {
            let seen = format!("{name}: {requests:.2} requests for each call");
            report.broken.push(Broken::new("retries add at most a tenth of the load", seen));
        }
        if later > (self.usual * 2).max(USUAL_P99) {
            let seen = format!("{name}: {} and not {}", millis(later), millis(self.usual));
            report.broken.push(Broken::new("within 5 s after a restart calls take as long as before", seen));
        }
        if failed > 0 {
            let seen = format!("{name}: {failed} calls");
            report.broken.push(Broken::new("a client that repeats its call as told succeeds", seen));
        }
    }
}

fn p99<'a>(calls: impl Iterator<Item = &'a CrowdCall>) -> Duration {
    let mut lengths: Vec<_> = calls.map(|call| call.length).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() * 99 / 100).or(lengths.last()).copied().unwrap_or_default()
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
