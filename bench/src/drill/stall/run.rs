//! One stall for each process and each behavior of the clients.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::arrivals::StallArrivals;
use super::goodput::Goodput;
use super::plan::{RetryBehavior, StallPlan, StallSubject};
use super::rig::StallRig;
use crate::Failure;
use crate::drill::{Broken, Report};

/// Time of the first calls, which does not count, and of the trial run that finds the capacity.
const WARM_TIME: Duration = Duration::from_secs(2);
const TRIAL_TIME: Duration = Duration::from_secs(5);

/// Part of the capacity at which calls arrive.
const LOAD: f64 = 0.85;

/// Time from the start of the arrivals until the goodput counts.
const SETTLING_TIME: Duration = Duration::from_secs(2);

/// Runs the plan.
///
/// # Errors
/// Fails if a service does not start, or ends.
pub async fn run(program: &Path, plan: &StallPlan) -> Result<Report, Failure> {
    let mut report = Report::default();
    for subject in &plan.subjects {
        for retry in &plan.retries {
            stall(program, *subject, *retry, plan, &mut report).await?;
        }
    }
    Ok(report)
}

/// Stops the subject once.
async fn stall(
    program: &Path,
    subject: StallSubject,
    retry: RetryBehavior,
    plan: &StallPlan,
    report: &mut Report,
) -> Result<(), Failure> {
    let rig = StallRig::start(program, subject).await?;
    let arrivals = StallArrivals::new(rig.clients.clone(), subject, retry);
    arrivals.saturate(WARM_TIME).await?;
    let capacity = arrivals.saturate(TRIAL_TIME).await?;
    let rate = (capacity * LOAD).max(1.0);
    let (start, length) = (Instant::now(), SETTLING_TIME + plan.around + plan.stall + plan.around);
    let stalled = async {
        sleep(SETTLING_TIME + plan.around).await;
        rig.throttle.stall();
        let stopped = Instant::now();
        sleep(plan.stall).await;
        rig.throttle.resume();
        (stopped, Instant::now())
    };
    let ((stopped, resumed), calls) = tokio::join!(stalled, arrivals.arrive(rate, length));
    let (goodput, end) = (Goodput::new(calls), start + length);
    let before = goodput.rate(start + SETTLING_TIME, stopped);
    let wanted = before * plan.goodput;
    let recovery = goodput.recovery(resumed, end, wanted);
    let (late, share) = (goodput.rate(resumed + plan.recovery, end), goodput.percent(resumed + plan.recovery, end));
    let name = format!("{}, {}", subject.name(), retry.name());
    report.lines.push(format!("{name}: stopped for {} ms", (resumed - stopped).as_millis()));
    report.row("  capacity, arrivals a second", format!("{capacity:.0}, {rate:.0}"));
    report.row("  goodput a second before", format!("{before:.1}"));
    report.row("  goodput by second before", goodput.by_second(start + SETTLING_TIME, stopped));
    report.row("  goodput by second while stopped", goodput.by_second(stopped, resumed));
    report.row("  goodput by second afterwards", goodput.by_second(resumed, end));
    let shown = recovery.map_or_else(|| "never".to_owned(), |recovery| format!("{} ms", recovery.as_millis()));
    report.row("  until the goodput is back at 90 %", shown);
    report.row("  goodput a second later, calls that succeed", format!("{late:.1}, {share:.1} %"));
    let attempts = |from, to| goodput.attempts(from, to);
    report.row(
        "  attempts for each call before, meanwhile, later",
        format!("{:.2}, {:.2}, {:.2}", attempts(start, stopped), attempts(stopped, resumed), attempts(resumed, end)),
    );
    report.row("  worst outage of a client (pMax)", format!("{} ms", goodput.worst_outage().as_millis()));
    report.lines.extend(goodput.failures());
    if recovery.is_none_or(|recovery| recovery > plan.recovery) || late < wanted {
        let seen = format!("{name}: {late:.1} and not {before:.1} a second, back after {recovery:?}");
        report.broken.push(Broken::new("within 5 s after a stall the goodput is back at 90 %", seen));
    }
    Ok(())
}
