//! Answers to known (*warm*) tokens while the auth service is killed, and after its restart.

use std::time::Duration;

use bench::Failure;
use bench::drill::revocation::{
    CheckPlace, GuardedOutcome, ObservedCall, RevocationHistory, RevocationRig, TokenCaller, register,
};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::rows::{Rows, quantiles};

/// Pause between two calls of one caller.
const CALL_PAUSE: Duration = Duration::from_millis(5);

/// Time from a kill of the auth service to its restart.
const OUTAGE_TIME: Duration = Duration::from_secs(3);

/// Time without a fault before a kill.
const TIME_BEFORE_KILL: Duration = Duration::from_secs(2);

/// Time limit until a guard admits a good token again.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(10);

/// Measured times over all kills and guards.
struct AwaySums {
    /// Time from the kill to the start of the last admitted call.
    warm: Histogram<u64>,
    /// Duration of each call that ended with `UNAVAILABLE`.
    unavailable: Histogram<u64>,
    /// Time from the auth service's restart to the first admitted call.
    back: Histogram<u64>,
}

pub(super) async fn run(rows: &mut Rows, rig: &mut RevocationRig, kills: usize) -> Result<(), Failure> {
    let mut sums = AwaySums { warm: Histogram::new(3)?, unavailable: Histogram::new(3)?, back: Histogram::new(3)? };
    for number in 0..kills {
        let session = register(&rig.auth.channel().await?, &format!("away-{number}@example.com")).await?;
        let history = RevocationHistory::start();
        let callers = rig.callers(number, &session, &history).await?;
        let mut calling: JoinSet<_> = callers.iter().cloned().map(calls).collect();
        sleep(TIME_BEFORE_KILL).await;
        rig.auth.kill()?;
        let killed = history.now();
        sleep(OUTAGE_TIME).await;
        let dead = history.now();
        rig.auth.start_again()?;
        let started = history.now();
        let again: JoinSet<_> = callers.into_iter().map(until_admitted).collect();
        timeout(ADMISSION_TIMEOUT, again.join_all()).await.map_err(|_| "a guard admits no good token for 10 s")?;
        calling.abort_all();
        while calling.join_next().await.is_some() {}
        for guard in 0..rig.guards.len() {
            sums.add(
                history.calls().iter().filter(|call| call.place == CheckPlace::Guard(guard)),
                killed,
                dead,
                started,
            )?;
        }
    }
    rows.row("auth service killed: warm tokens admitted, p50, p99, max", &quantiles(&sums.warm), "<= 1000 ms");
    rows.row("  then UNAVAILABLE within", &quantiles(&sums.unavailable), "<= 100 ms");
    rows.row("  admitted again after the restart", &quantiles(&sums.back), "<= 1000 ms");
    rows.line(format!("  {kills} kills, {} answers UNAVAILABLE", sums.unavailable.len()));
    Ok(())
}

impl AwaySums {
    /// Adds the calls of one guard.
    fn add<'a>(
        &mut self,
        calls: impl Iterator<Item = &'a ObservedCall> + Clone,
        killed: Duration,
        dead: Duration,
        started: Duration,
    ) -> Result<(), Failure> {
        let admitted = calls.clone().filter(|call| call.outcome == GuardedOutcome::Admitted);
        let last = admitted.clone().filter(|call| call.begun < dead).map(|call| call.begun).max();
        self.warm.record(micros(last.unwrap_or_default().saturating_sub(killed))?)?;
        for call in calls.filter(|call| call.begun > killed && call.begun < dead) {
            if call.outcome == GuardedOutcome::Unavailable {
                self.unavailable.record(micros(call.ended.saturating_sub(call.begun))?)?;
            } else if call.outcome != GuardedOutcome::Admitted {
                return Err(format!("a good token is answered {:?}", call.outcome).into());
            }
        }
        let first = admitted.filter(|call| call.ended > dead && call.begun > last.unwrap_or_default());
        let first = first.map(|call| call.ended).min().ok_or("a guard admits no call after the restart")?;
        self.back.record(micros(first.saturating_sub(started))?)?;
        Ok(())
    }
}

/// Calls again and again.
async fn calls(caller: TokenCaller) {
    loop {
        caller.call().await;
        sleep(CALL_PAUSE).await;
    }
}

/// Calls until a call is admitted.
async fn until_admitted(caller: TokenCaller) {
    while caller.call().await != GuardedOutcome::Admitted {
        sleep(CALL_PAUSE).await;
    }
}

fn micros(time: Duration) -> Result<u64, Failure> {
    Ok(u64::try_from(time.as_micros())?)
}
