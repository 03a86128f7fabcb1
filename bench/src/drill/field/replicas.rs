//! Replicas: two auth services behind one guard are restarted and killed in turns, under guarded calls.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use testkit::postgres::PostgresServer;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tonic::transport::Channel;

use super::guarded::{SERVICE_KEY, read, undecided, write};
use super::kids::{register, tokens};
use crate::Failure;
use crate::drill::{Broken, DRILL_SETTINGS, OutageMeter, Report};
use crate::process::{Process, Setup};

/// Guarded calls in a second. A debug build serves fewer.
const CALLS_PER_SECOND: u32 = if cfg!(debug_assertions) { 200 } else { 2_000 };

/// Connections of the callers. Each connection has a token of its own.
const CONNECTIONS: u32 = 16;

/// Time without a fault at the start, and after each restart.
const CALM_TIME: Duration = Duration::from_secs(2);

/// The end of an auth service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// SIGTERM, as in a rolling restart.
    Restart,
    /// SIGKILL.
    Kill,
}

/// Use of the auth service by the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GuardUse {
    /// The guard follows the revocations, and asks once about each token.
    Follows,
    /// The guard has no service key, and asks at each call.
    AsksAlways,
}

/// A guarded call.
struct ReplicaCall {
    begun: Instant,
    length: Duration,
    /// Failure of the guard, and the failure of the client's retry.
    failures: Vec<String>,
}

/// The services and the callers' data.
struct ReplicaRig {
    auth: [Process; 2],
    blog: Process,
    tokens: Vec<String>,
    post: String,
    _folder: TempDir,
}

/// Restarts and kills each auth service this many times, for both uses of the guard.
///
/// # Errors
/// Fails if a service does not start or stop.
pub(super) async fn run(program: &Path, rounds: usize) -> Result<Report, Failure> {
    let mut report = Report::default();
    let Some(server) = testkit::postgres::server().await else {
        report.row("replicas", "not run: there is no PostgreSQL");
        return Ok(report);
    };
    for guard_use in [GuardUse::Follows, GuardUse::AsksAlways] {
        let mut rig = ReplicaRig::start(program, &server, guard_use).await?;
        let calls = Arc::<Mutex<Vec<ReplicaCall>>>::default();
        let callers = rig.call(&calls).await?;
        sleep(CALM_TIME).await;
        let calm = take(&calls);
        report.row(&format!("replicas ({guard_use:?}): calm"), figures(&calm));
        for fault in [Fault::Restart, Fault::Kill] {
            for round in 0..rounds * 2 {
                rig.end(round % 2, fault)?;
                rig.auth[round % 2].start_again()?;
                sleep(CALM_TIME).await;
            }
            let faulty = take(&calls);
            let name = format!("replicas ({guard_use:?}): {fault:?} of each, {rounds} times");
            report.row(&name, figures(&faulty));
            report.row(&format!("{name}: worst outage of a client"), format!("{} ms", outage(&faulty).as_millis()));
            let lost = faulty.iter().filter_map(|call| call.failures.first());
            if let Some(first) = lost.clone().next() {
                let found = format!("{name}: {} lost, the first: {first}", lost.count());
                report.broken.push(Broken::new("the end of one auth service loses no guarded call", found));
            }
        }
        drop(callers);
    }
    Ok(report)
}

impl ReplicaRig {
    async fn start(program: &Path, server: &PostgresServer, guard_use: GuardUse) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let database = server.create_database().await?;
        let settings = DRILL_SETTINGS.into_iter().chain([("AUTH_SERVICE_KEY", SERVICE_KEY)]);
        let environment: Vec<_> = settings.map(|(name, value)| (name, value.to_owned())).collect();
        let start = |name: &str| {
            Process::start(Setup {
                program: program.to_owned(),
                command: "auth",
                arguments: vec!["--database-url".into(), database.clone()],
                environment: environment.clone(),
                log: folder.path().join(format!("{name}.log")),
            })
        };
        let auth = [start("one")?, start("two")?];
        let urls = auth.each_ref().map(|auth| format!("http://{}", auth.address())).join(",");
        let file = format!("sqlite:{}", folder.path().join("blog.db").display());
        let key = (guard_use == GuardUse::Follows).then(|| ("BLOG_SERVICE_KEY", SERVICE_KEY.into()));
        let blog = Process::start(Setup {
            program: program.to_owned(),
            command: "blog",
            arguments: ["--database-url", &file, "--auth-url", &urls].map(str::to_owned).into(),
            environment: key.into_iter().collect(),
            log: folder.path().join("blog.log"),
        })?;
        let channel = auth[0].channel().await?;
        let tokens = tokens(&channel, register(&channel, 0).await?, usize::try_from(CONNECTIONS)?).await?;
        let post = write(blog.channel().await?, &tokens[0]).await?;
        Ok(Self { auth, blog, tokens, post, _folder: folder })
    }

    /// Ends an auth service.
    fn end(&mut self, replica: usize, fault: Fault) -> Result<(), Failure> {
        match fault {
            Fault::Restart => self.auth[replica].stop(),
            Fault::Kill => self.auth[replica].kill(),
        }
    }

    /// Starts the callers, which end when the set is dropped.
    async fn call(&self, calls: &Arc<Mutex<Vec<ReplicaCall>>>) -> Result<JoinSet<()>, Failure> {
        let mut callers = JoinSet::new();
        for token in self.tokens.iter().take(usize::try_from(CONNECTIONS)?) {
            let caller = ReplicaCaller {
                blog: self.blog.channel().await?,
                post: self.post.clone(),
                token: token.clone(),
                calls: Arc::clone(calls),
            };
            callers.spawn(caller.call_periodically());
        }
        Ok(callers)
    }
}

/// A caller with a connection and a token.
#[derive(Clone)]
struct ReplicaCaller {
    blog: Channel,
    post: String,
    token: String,
    calls: Arc<Mutex<Vec<ReplicaCall>>>,
}

impl ReplicaCaller {
    /// Starts a call at each interval, without waiting for earlier calls.
    async fn call_periodically(self) {
        let (mut ticks, mut open) = (interval(Duration::from_secs(1) * CONNECTIONS / CALLS_PER_SECOND), JoinSet::new());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            while open.try_join_next().is_some() {}
            let one = self.clone();
            open.spawn(async move { one.call().await });
        }
    }

    /// Calls once, and once more after a failure.
    async fn call(&self) {
        let (begun, mut failures) = (Instant::now(), Vec::new());
        for _ in 0..2 {
            match read(&self.blog, &self.post, &self.token).await {
                Ok(()) => break,
                Err(status) => match undecided(&status) {
                    Some(failure) => failures.push(failure),
                    // The blog service itself is too slow on this machine.
                    None => break,
                },
            }
        }
        let call = ReplicaCall { begun, length: begun.elapsed(), failures };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

/// Returns the calls that have ended since the last time.
fn take(calls: &Mutex<Vec<ReplicaCall>>) -> Vec<ReplicaCall> {
    std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Returns the longest time between the ends of two calls that succeeded without a retry.
fn outage(calls: &[ReplicaCall]) -> Duration {
    let Some(origin) = calls.iter().map(|call| call.begun).min() else { return Duration::ZERO };
    let good = calls.iter().filter(|call| call.failures.is_empty());
    let mut ends: Vec<_> = good.map(|call| call.begun + call.length - origin).collect();
    ends.sort_unstable();
    let mut meter = OutageMeter::default();
    for end in ends {
        meter.success((), end);
    }
    meter.worst()
}

/// Returns the figures of calls, as a line.
fn figures(calls: &[ReplicaCall]) -> String {
    let lost = |count: usize| calls.iter().filter(|call| call.failures.len() >= count).count();
    let mut lengths: Vec<_> = calls.iter().map(|call| call.length).collect();
    lengths.sort_unstable();
    let millis = |share: usize| {
        let place = (lengths.len() * share / 1_000).min(lengths.len().saturating_sub(1));
        lengths.get(place).map_or(0.0, |length| length.as_secs_f64() * 1_000.0)
    };
    let span = calls.iter().map(|call| call.begun).max().zip(calls.iter().map(|call| call.begun).min());
    let seconds = span.map_or(0.0, |(last, first)| (last - first).as_secs_f64());
    format!(
        "{} calls in {seconds:.0} s, {} lost ({} with one retry by the client), {:.1} ms (median), {:.1} ms (99 of 100), \
         {:.0} ms (most)",
        calls.len(),
        lost(1),
        lost(2),
        millis(500),
        millis(990),
        millis(1_000)
    )
}
