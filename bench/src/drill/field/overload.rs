//! Overload: a small PostgreSQL with TLS and passwords stalls near its capacity, and gets calls above its capacity.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use testkit::postgres::{PostgresServer, Throttle};
use testkit::proxy::Proxy;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::open_loop::{Kind, OpenLoopCallers, by_second, failures, outages, percent, within};
use crate::Failure;
use crate::drill::{Broken, DRILL_SETTINGS, Random, Report};
use crate::process::{Process, Setup};

/// Capacity of the server in calls a second. A trial run determines the share of a core for it.
const CAPACITY_PER_SECOND: u32 = 100;

/// Shares of a core for the server, in thousandths: before its share is set, during the trial, and after a failed
/// trial.
const FULL_MILLICORES: u32 = 4_000;
const TRIAL_MILLICORES: u32 = 50;
const USUAL_MILLICORES: u32 = 30;

/// Time until the pools have their connections, and the length of the trial.
const POOL_START_TIME: Duration = Duration::from_secs(2);
const TRIAL_TIME: Duration = Duration::from_secs(6);

/// Calls a second: near the capacity, and above it.
const NEAR_CAPACITY_PER_SECOND: u32 = 90;
const ABOVE_CAPACITY_PER_SECOND: u32 = 150;

/// Methods that are called in turns.
const CALLED_KINDS: [Kind; 4] = [Kind::GetMe, Kind::UpdateUser, Kind::GetMe, Kind::ListSessions];

/// Time before a fault, its first part, and the length of the stall. The first part does not count, because calls of
/// the trial still end in it.
const TIME_BEFORE_FAULT: Duration = Duration::from_secs(8);
const SETTLING_TIME: Duration = Duration::from_secs(2);
const STALL_TIME: Duration = Duration::from_secs(2);

/// Time after a fault until calls must succeed, and the time after that.
const RECOVERY_TIME: Duration = Duration::from_secs(5);
const TIME_AFTER_RECOVERY: Duration = Duration::from_secs(10);

/// Time above the capacity.
const OVERLOAD_TIME: Duration = Duration::from_secs(20);

/// The least percentage of calls that succeed once [`RECOVERY_TIME`] has passed after a fault.
const MIN_SUCCESS_PERCENT: f64 = 90.0;

/// The least ratio of successful calls a second above the capacity to successful calls a second before.
const MIN_THROUGHPUT_RATIO: f64 = 0.7;

const SERVER_PASSWORD: &str = "a-password-of-a-server-that-lives-for-a-drill";

/// A small server, and an auth service on it.
struct OverloadRig {
    auth: Process,
    throttle: Throttle,
    link: Proxy,
    _server: PostgresServer,
    _folder: TempDir,
}

/// Runs both forms: the stall, and the calls above the capacity.
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
        // Each loopback address has its own ports, so the process id selects an address that no other drill uses.
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, u8::try_from(random.millis(2, 250).as_millis())?, high, low.clamp(1, 254));
        let server = PostgresServer::start_with(&[&format!("listen_addresses={address}")]).await?;
        server.encrypt(SERVER_PASSWORD).await?;
        let url = server.create_database().await?;
        let name = url.split('?').next().and_then(|url| url.rsplit('/').next()).ok_or("no name")?;
        let link = Proxy::to_address(SocketAddr::from((address, 5432)));
        let url = format!("postgres://postgres:{SERVER_PASSWORD}@{}/{name}?sslmode=require", link.address());
        let folder = tempfile::tempdir()?;
        let auth = Process::start(Setup {
            program: program.to_owned(),
            command: "auth",
            arguments: vec!["--database-url".into(), url],
            environment: DRILL_SETTINGS.map(|(name, value)| (name, value.to_owned())).into(),
            log: folder.path().join("auth.log"),
        })?;
        let throttle = server.throttle(FULL_MILLICORES).await?;
        Ok(Self { auth, throttle, link, _server: server, _folder: folder })
    }

    /// Gives the server the share of a core that its capacity needs, and returns it in thousandths.
    async fn slow_down(&self, callers: &OpenLoopCallers) -> Result<u32, Failure> {
        callers.saturate(&CALLED_KINDS, POOL_START_TIME).await?;
        self.throttle.set_share(TRIAL_MILLICORES);
        callers.saturate(&CALLED_KINDS, POOL_START_TIME).await?;
        let carried = callers.saturate(&CALLED_KINDS, TRIAL_TIME).await?;
        let seconds = u32::try_from(TRIAL_TIME.as_secs())?;
        // In an old program, the pool may already collapse during the trial.
        let share = if carried < CAPACITY_PER_SECOND * seconds / 4 {
            USUAL_MILLICORES
        } else {
            TRIAL_MILLICORES * CAPACITY_PER_SECOND * seconds / carried
        };
        self.throttle.set_share(share);
        Ok(share)
    }
}

/// Stalls the server once near its capacity.
async fn stall(rig: &OverloadRig, report: &mut Report) -> Result<(), Failure> {
    let mut callers = OpenLoopCallers::register(&rig.auth).await?;
    let share = rig.slow_down(&callers).await?;
    let (start, connections, mut open) = (Instant::now(), rig.link.connections(), JoinSet::new());
    let stalls = async {
        sleep(TIME_BEFORE_FAULT).await;
        rig.throttle.stall();
        let fault = Instant::now();
        sleep(STALL_TIME).await;
        rig.throttle.resume();
        (fault, Instant::now())
    };
    let length = TIME_BEFORE_FAULT + STALL_TIME + RECOVERY_TIME + TIME_AFTER_RECOVERY;
    let ((fault, ended), ()) =
        tokio::join!(stalls, callers.call(&CALLED_KINDS, NEAR_CAPACITY_PER_SECOND, length, &mut open));
    while open.join_next().await.is_some() {}
    let (calls, last) = (callers.calls(), Instant::now());
    let (before, after) =
        (percent(within(&calls, start + SETTLING_TIME, fault)), percent(within(&calls, ended + RECOVERY_TIME, last)));
    report.row("overload: stall of 2 s, calls a second", NEAR_CAPACITY_PER_SECOND);
    report.row("overload: processor time of the server", cores(rig, share, start));
    report.row("overload: calls that succeed before the stall", format!("{before:.1} %"));
    report.row("overload: calls that succeed from 5 s after the stall", format!("{after:.1} %"));
    report.row("overload: new connections to the server", rig.link.connections() - connections);
    report.outages("overload: worst outage of a client, the stall included", &outages(&calls, last));
    report.row("overload: calls that succeed, by second", by_second(&calls, start));
    failures(report, &calls);
    if after < MIN_SUCCESS_PERCENT {
        let seen = format!("{after:.1} %");
        report.broken.push(Broken::new("from 5 s after a stall, 90 % of the calls succeed", seen));
    }
    Ok(())
}

/// Calls the server above its capacity for a while, and near it before and afterwards.
async fn exceed(rig: &OverloadRig, report: &mut Report) -> Result<(), Failure> {
    let mut callers = OpenLoopCallers::register(&rig.auth).await?;
    let share = rig.slow_down(&callers).await?;
    let (start, connections, mut open) = (Instant::now(), rig.link.connections(), JoinSet::new());
    callers.call(&CALLED_KINDS, NEAR_CAPACITY_PER_SECOND, TIME_BEFORE_FAULT, &mut open).await;
    let fault = Instant::now();
    callers.call(&CALLED_KINDS, ABOVE_CAPACITY_PER_SECOND, OVERLOAD_TIME, &mut open).await;
    let ended = Instant::now();
    callers.call(&CALLED_KINDS, NEAR_CAPACITY_PER_SECOND, RECOVERY_TIME + TIME_AFTER_RECOVERY, &mut open).await;
    while open.join_next().await.is_some() {}
    let calls = callers.calls();
    let good = |from: Instant, to: Instant| {
        let good = within(&calls, from, to).filter(|call| call.is_ok()).count();
        f64::from(u32::try_from(good).unwrap_or(u32::MAX)) / (to - from).as_secs_f64()
    };
    let (before, above) = (good(start + SETTLING_TIME, fault), good(fault, ended));
    let after = percent(within(&calls, ended + RECOVERY_TIME, Instant::now()));
    report.row("overload: above the capacity, calls a second", ABOVE_CAPACITY_PER_SECOND);
    report.row("overload: processor time of the server", cores(rig, share, start));
    report.row("overload: calls that succeed in a second before", format!("{before:.1}"));
    report.row("overload: calls that succeed in a second meanwhile", format!("{above:.1}"));
    report.row("overload: calls that succeed from 5 s after the overload", format!("{after:.1} %"));
    report.row("overload: new connections to the server", rig.link.connections() - connections);
    report.row("overload: calls that succeed, by second", by_second(&calls, start));
    failures(report, &calls);
    if above < before * MIN_THROUGHPUT_RATIO {
        let seen = format!("{above:.1} and not {before:.1} a second");
        report.broken.push(Broken::new("above the capacity, 70 % as many calls a second succeed as before", seen));
    }
    if after < MIN_SUCCESS_PERCENT {
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
