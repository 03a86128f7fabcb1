//! Answers to warm tokens while the auth service is dead, and after its restart.

use std::time::Duration;

use bench::Failure;
use bench::drill::revocation::{GuardedOutcome, RevocationHistory, RevocationRig, Seen, TokenCaller, register};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::rows::{Rows, quantiles};

/// The pause between the calls of one caller.
const CALL_PAUSE: Duration = Duration::from_millis(5);

/// Time for which the auth service is dead, and time without a fault before.
const OUTAGE_TIME: Duration = Duration::from_secs(3);
const CALM_TIME: Duration = Duration::from_secs(2);

/// Time limit until a guard lets a good token in again.
const LET_IN_TIMEOUT: Duration = Duration::from_secs(10);

/// Times of all kills.
struct AwaySums {
    /// From the kill to the last call that was let in, of each guard.
    warm: Histogram<u64>,
    /// Durations of calls that were answered `UNAVAILABLE`.
    unavailable: Histogram<u64>,
    /// From the auth service's restart to the first call let in, of each guard.
    back: Histogram<u64>,
}

pub(super) async fn run(rows: &mut Rows, rig: &mut RevocationRig, kills: usize) -> Result<(), Failure> {
    let mut sums = AwaySums { warm: Histogram::new(3)?, unavailable: Histogram::new(3)?, back: Histogram::new(3)? };
    for number in 0..kills {
        let session = register(&rig.auth.channel().await?, &format!("away-{number}@example.com")).await?;
        let history = RevocationHistory::start();
        let callers = rig.callers(number, &session, &history).await?;
        let mut calling: JoinSet<_> = callers.iter().cloned().map(calls).collect();
        sleep(CALM_TIME).await;
        rig.auth.kill()?;
        let killed = history.now();
        sleep(OUTAGE_TIME).await;
        let dead = history.now();
        rig.auth.start_again()?;
        let started = history.now();
        let again: JoinSet<_> = callers.into_iter().map(let_in).collect();
        timeout(LET_IN_TIMEOUT, again.join_all()).await.map_err(|_| "no guard lets a good token in for 10 s")?;
        calling.abort_all();
        while calling.join_next().await.is_some() {}
        for guard in 0..rig.guards.len() {
            sums.add(history.calls().iter().filter(|call| call.guard == guard), killed, dead, started)?;
        }
    }
    rows.row("auth service killed: warm tokens let in for, p50, p99, max", &quantiles(&sums.warm), "<= 1000 ms");
    rows.row("  then UNAVAILABLE within", &quantiles(&sums.unavailable), "<= 100 ms");
    rows.row("  let in again after it listens again", &quantiles(&sums.back), "<= 1000 ms");
    rows.line(format!("  {kills} kills, {} answers UNAVAILABLE", sums.unavailable.len()));
    Ok(())
}

impl AwaySums {
    /// Adds the calls of one guard.
    fn add<'a>(
        &mut self,
        calls: impl Iterator<Item = &'a Seen> + Clone,
        killed: Duration,
        dead: Duration,
        started: Duration,
    ) -> Result<(), Failure> {
        let let_in = calls.clone().filter(|call| call.outcome == GuardedOutcome::LetIn);
        let last = let_in.clone().filter(|call| call.begun < dead).map(|call| call.begun).max();
        self.warm.record(micros(last.unwrap_or_default().saturating_sub(killed))?)?;
        for call in calls.filter(|call| call.begun > killed && call.begun < dead) {
            if call.outcome == GuardedOutcome::Unavailable {
                self.unavailable.record(micros(call.ended.saturating_sub(call.begun))?)?;
            } else if call.outcome != GuardedOutcome::LetIn {
                return Err(format!("a good token is answered {:?}", call.outcome).into());
            }
        }
        let first = let_in.filter(|call| call.ended > dead && call.begun > last.unwrap_or_default());
        let first = first.map(|call| call.ended).min().ok_or("a guard does not come back")?;
        self.back.record(micros(first.saturating_sub(started))?)?;
        Ok(())
    }
}

/// Calls without end.
async fn calls(caller: TokenCaller) {
    loop {
        caller.call().await;
        sleep(CALL_PAUSE).await;
    }
}

/// Calls until a call is let in.
async fn let_in(caller: TokenCaller) {
    while caller.call().await != GuardedOutcome::LetIn {
        sleep(CALL_PAUSE).await;
    }
}

fn micros(time: Duration) -> Result<u64, Failure> {
    Ok(u64::try_from(time.as_micros())?)
}
