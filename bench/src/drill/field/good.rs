//! Good callers. The drill measures the effect of an attack on their calls.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tonic::Status;

use crate::Failure;

/// A call that is under way.
pub(super) type GoodCallFuture = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// Function that makes one call.
pub(super) type GoodCall = Arc<dyn Fn() -> GoodCallFuture + Send + Sync>;

/// Time from one call of a caller to the next.
const CALL_INTERVAL: Duration = Duration::from_millis(20);

/// The longest time that a caller waits for an answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest time that a histogram holds, in microseconds.
const MAX_RECORDED_MICROS: u64 = 60_000_000;

/// Counts and response times of the good callers' calls.
#[derive(Clone, Debug)]
pub struct Served {
    /// Number of calls.
    pub calls: u64,
    /// Number of calls that failed, or had no answer within 5 s.
    pub errors: u64,
    /// The first failure.
    pub first: Option<String>,
    /// Response times in microseconds, also of failed calls.
    took: Histogram<u64>,
}

impl Served {
    /// Returns the counts before the first call.
    pub(super) fn none() -> Result<Self, Failure> {
        Ok(Self { calls: 0, errors: 0, first: None, took: Histogram::new_with_bounds(1, MAX_RECORDED_MICROS, 3)? })
    }

    /// Returns a quantile of the response times, in milliseconds.
    pub fn millis(&self, quantile: f64) -> f64 {
        Duration::from_micros(self.took.value_at_quantile(quantile)).as_secs_f64() * 1000.0
    }

    /// Returns the share of calls that failed, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a drill makes far fewer than 2^53 calls")]
    pub fn failed(&self) -> f64 {
        self.errors as f64 / (self.calls.max(1)) as f64
    }

    fn count(&mut self, answer: Result<(), String>, took: Duration) {
        self.calls += 1;
        self.took.saturating_record(u64::try_from(took.as_micros()).unwrap_or(MAX_RECORDED_MICROS).max(1));
        if let Err(failure) = answer {
            self.errors += 1;
            self.first.get_or_insert(failure);
        }
    }

    fn add(&mut self, other: Self) -> Result<(), Failure> {
        self.calls += other.calls;
        self.errors += other.errors;
        self.first = self.first.take().or(other.first);
        self.took.add(other.took)?;
        Ok(())
    }
}

/// Repeats each call every 20 ms in its own task, for `length`. A call that takes longer delays the next one.
pub(super) async fn serve(calls: &[GoodCall], length: Duration) -> Result<Served, Failure> {
    let mut callers = JoinSet::new();
    for call in calls {
        callers.spawn(caller(Arc::clone(call), Instant::now() + length));
    }
    let mut all = Served::none()?;
    while let Some(served) = callers.join_next().await {
        all.add(served??)?;
    }
    Ok(all)
}

async fn caller(call: GoodCall, end: Instant) -> Result<Served, Failure> {
    let mut served = Served::none()?;
    let mut ticks = interval(CALL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        ticks.tick().await;
        let asked = Instant::now();
        let answer = match timeout(CALL_TIMEOUT, call()).await {
            Ok(answer) => answer.map_err(|status| format!("{:?}: {}", status.code(), status.message())),
            Err(_) => Err("no answer within 5 s".to_owned()),
        };
        served.count(answer, asked.elapsed());
    }
    Ok(served)
}
