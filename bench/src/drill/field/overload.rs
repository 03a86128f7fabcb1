//! Overload: a small PostgreSQL with TLS and passwords stalls near its capacity, and gets calls above its capacity.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use testkit::postgres::{PostgresServer, Throttle};
use testkit::proxy::Proxy;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::open_loop::{Callers, Kind, by_second, failures, percent, within, worst_outage};
use crate::Failure;
use crate::drill::{Broken, Random, Report, SETTINGS};
use crate::process::{Process, Setup};

/// Capacity of the server in calls a second. A trial run determines the share of a core for it.
const CAPACITY: u32 = 100;

/// Shares of a core for the server, in thousandths: before its share is set, during the trial, and after a failed
/// trial.
const FULL: u32 = 4_000;
const TRIAL: u32 = 50;
const USUAL: u32 = 30;

/// Time until the pools have their connections, and the length of the trial.
const START: Duration = Duration::from_secs(2);
const TRIAL_TIME: Duration = Duration::from_secs(6);

/// Calls a second: near the capacity, and above it.
const NEAR: u32 = 90;
const ABOVE: u32 = 150;

/// Methods that are called in turns.
const KINDS: [Kind; 4] = [Kind::GetMe, Kind::UpdateUser, Kind::GetMe, Kind::ListSessions];

/// Three times: the time before a fault; the first part of it, which does not count because calls of the trial still
/// end in it; and the length of the stall.
const BEFORE: Duration = Duration::from_secs(8);
const SETTLING: Duration = Duration::from_secs(2);
const STALL: Duration = Duration::from_secs(2);

/// Time after a fault until calls must succeed, and the time after that.
const BACK: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(10);

/// Time above the capacity.
const OVERLOAD: Duration = Duration::from_secs(20);

/// The least percentage of calls that succeed once [`BACK`] has passed after a fault.
const MIN_AFTER: f64 = 90.0;

/// The least ratio of successful calls a second above the capacity to those before.
const MIN_ABOVE: f64 = 0.7;

const PASSWORD: &str = "a-password-of-a-server-that-lives-for-a-drill";

/// A small server, and an auth service on it.
struct OverloadRig {
    auth: Process,
    throttle: Throttle,
    way: Proxy,
    _server: PostgresServer,
    _folder: TempDir,
}

/// Runs both forms.
///
/// # Errors
/// Fails if a service does not start, or ends.
pub(super) async fn run(program: &Path, seed: u64) -> Result<Report, Failure> {
    let mut report = Report::default();
    if !PostgresServer::can_encrypt() {
        report.lines.push("overload: skipped, `openssl` is missing, which makes the certificate".into());
        return Ok(report);
    }
    let mut random = Random::new(seed);
    stall(&OverloadRig::start(program, &mut random).await?, &mut report).await?;
    exceed(&OverloadRig::start(program, &mut random).await?, &mut report).await?;
    Ok(report)
}

impl OverloadRig {
    async fn start(program: &Path, random: &mut Random) -> Result<Self, Failure> {
        // Each loopback address has all ports, so the process id makes an address that no other drill uses.
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, u8::try_from(random.millis(2, 250).as_millis())?, high, low.clamp(1, 254));
        let server = PostgresServer::start_with(&[&format!("listen_addresses={address}")]).await?;
        server.encrypt(PASSWORD).await?;
        let url = server.create_database().await?;
        let name = url.split('?').next().and_then(|url| url.rsplit('/').next()).ok_or("no name")?;
        let way = Proxy::to_address(SocketAddr::from((address, 5432)));
        let url = format!("postgres://postgres:{PASSWORD}@{}/{name}?sslmode=require", way.address());
        let folder = tempfile::tempdir()?;
        let auth = Process::start(Setup {
            program: program.to_owned(),
            command: "auth",
            arguments: vec!["--database-url".into(), url],
            environment: SETTINGS.map(|(name, value)| (name, value.to_owned())).into(),
            log: folder.path().join("auth.log"),
        })?;
        let throttle = server.throttle(FULL).await?;
        Ok(Self { auth, throttle, way, _server: server, _folder: folder })
    }

    /// Gives the server the share of a core that its capacity needs, and returns it in thousandths.
    async fn slow_down(&self, callers: &Callers) -> Result<u32, Failure> {
        callers.saturate(&KINDS, START).await?;
        self.throttle.set_share(TRIAL);
        callers.saturate(&KINDS, START).await?;
        let carried = callers.saturate(&KINDS, TRIAL_TIME).await?;
        let seconds = u32::try_from(TRIAL_TIME.as_secs())?;
        // In an old program, the pool may collapse already in the trial.
        let share = if carried < CAPACITY * seconds / 4 { USUAL } else { TRIAL * CAPACITY * seconds / carried };
        self.throttle.set_share(share);
        Ok(share)
    }
}

/// Stalls the server once near its capacity.
async fn stall(rig: &OverloadRig, report: &mut Report) -> Result<(), Failure> {
    let mut callers = Callers::register(&rig.auth).await?;
    let share = rig.slow_down(&callers).await?;
    let (start, connections, mut open) = (Instant::now(), rig.way.connections(), JoinSet::new());
    let stalls = async {
        sleep(BEFORE).await;
        rig.throttle.stall();
        let fault = Instant::now();
        sleep(STALL).await;
        rig.throttle.resume();
        (fault, Instant::now())
    };
    let length = BEFORE + STALL + BACK + AFTER;
    let ((fault, ended), ()) = tokio::join!(stalls, callers.call(&KINDS, NEAR, length, &mut open));
    while open.join_next().await.is_some() {}
    let (calls, last) = (callers.calls(), Instant::now());
    let (before, after) =
        (percent(within(&calls, start + SETTLING, fault)), percent(within(&calls, ended + BACK, last)));
    report.row("overload: stall of 2 s, calls a second", NEAR);
    report.row("overload: processor time of the server", cores(rig, share, start));
    report.row("overload: calls that succeed before the stall", format!("{before:.1} %"));
    report.row("overload: calls that succeed from 5 s after the stall", format!("{after:.1} %"));
    report.row("overload: new connections to the server", rig.way.connections() - connections);
    report.row(
        "overload: worst outage of a client, the stall included",
        format!("{} ms", worst_outage(&calls, last).as_millis()),
    );
    report.row("overload: calls that succeed, by second", by_second(&calls, start));
    failures(report, &calls);
    if after < MIN_AFTER {
        let seen = format!("{after:.1} %");
        report.broken.push(Broken::new("from 5 s after a stall, 90 % of the calls succeed", seen));
    }
    Ok(())
}

/// Calls the server above its capacity for a while, and near it before and afterwards.
async fn exceed(rig: &OverloadRig, report: &mut Report) -> Result<(), Failure> {
    let mut callers = Callers::register(&rig.auth).await?;
    let share = rig.slow_down(&callers).await?;
    let (start, connections, mut open) = (Instant::now(), rig.way.connections(), JoinSet::new());
    callers.call(&KINDS, NEAR, BEFORE, &mut open).await;
    let fault = Instant::now();
    callers.call(&KINDS, ABOVE, OVERLOAD, &mut open).await;
    let ended = Instant::now();
    callers.call(&KINDS, NEAR, BACK + AFTER, &mut open).await;
    while open.join_next().await.is_some() {}
    let calls = callers.calls();
    let good = |from: Instant, to: Instant| {
        let good = within(&calls, from, to).filter(|call| call.is_ok()).count();
        f64::from(u32::try_from(good).unwrap_or(u32::MAX)) / (to - from).as_secs_f64()
    };
    let (before, above) = (good(start + SETTLING, fault), good(fault, ended));
    let after = percent(within(&calls, ended + BACK, Instant::now()));
    report.row("overload: above the capacity, calls a second", ABOVE);
    report.row("overload: processor time of the server", cores(rig, share, start));
    report.row("overload: calls that succeed in a second before", format!("{before:.1}"));
    report.row("overload: calls that succeed in a second meanwhile", format!("{above:.1}"));
    report.row("overload: calls that succeed from 5 s after the overload", format!("{after:.1} %"));
    report.row("overload: new connections to the server", rig.way.connections() - connections);
    report.row("overload: calls that succeed, by second", by_second(&calls, start));
    failures(report, &calls);
    if above < before * MIN_ABOVE {
        let seen = format!("{above:.1} and not {before:.1} a second");
        report.broken.push(Broken::new("above the capacity, 70 % as many calls a second succeed as before", seen));
    }
    if after < MIN_AFTER {
        let seen = format!("{after:.1} %");
        report.broken.push(Broken::new("from 5 s after an overload, 90 % of the calls succeed", seen));
    }
    Ok(())
}

/// Returns the server's processor time as text.
fn cores(rig: &OverloadRig, share: u32, start: Instant) -> String {
    let used = rig.throttle.used().as_secs_f64() / start.elapsed().as_secs_f64();
    format!("{:.1} % of a core, of {:.1} % that it may have", used * 100.0, f64::from(share) / 10.0)
}
