//! Two calls in turns, on a closed loop of 32 callers.

use std::time::Duration;

use super::{LoadSample, closed_loop, millis};
use crate::Failure;

/// Number of callers. Each caller waits for its answer before its next call.
const LOAD_CALLERS: usize = 32;

/// Length of one measurement.
const MEASUREMENT_TIME: Duration = Duration::from_secs(3);

/// Length and number of the turns of two compared calls. Disturbances of the machine last longer than a turn, so they
/// affect both calls.
const TURN_TIME: Duration = Duration::from_millis(250);
const TURN_COUNT: usize = 80;

/// Figures of a loop.
#[derive(Clone, Copy, Debug)]
pub struct LoadFigures {
    /// Number of answers.
    pub count: f64,
    /// Answers a second.
    pub rate: f64,
    /// Median time of an answer, in milliseconds.
    pub p50: f64,
    /// 99th percentile of the times, in milliseconds.
    pub p99: f64,
}

/// Figures of two calls that were measured by turns.
#[derive(Clone, Copy, Debug)]
pub struct ComparedFigures {
    /// Figures of the first call.
    pub one: LoadFigures,
    /// Figures of the second call.
    pub other: LoadFigures,
}

impl LoadSample {
    /// Calls as fast as the answers come, for this long. A failed call ends the run.
    async fn extend<F, T>(
        &mut self,
        length: Duration,
        call: impl Fn() -> F + Clone + Send + 'static,
    ) -> Result<(), Failure>
    where
        F: Future<Output = Result<T, tonic::Status>> + Send,
        T: Send,
    {
        let call = move || {
            let answer = call();
            Some(async move { answer.await.map(drop) })
        };
        let mut sample = closed_loop(LOAD_CALLERS, length, &[call]).await?;
        if let Some(status) = sample.first_failure.take() {
            return Err(status.into());
        }
        self.add(sample)
    }

    #[expect(clippy::cast_precision_loss, reason = "the calls of a few minutes are few")]
    fn figures(&self) -> LoadFigures {
        let [p50, p99] = [0.5, 0.99].map(|part| millis(&self.micros, part));
        LoadFigures { count: self.micros.len() as f64, rate: self.rate(), p50, p99 }
    }
}

/// Calls as fast as the answers come. A failed call ends the run.
pub async fn measure<F, T>(call: impl Fn() -> F + Clone + Send + 'static) -> Result<LoadFigures, Failure>
where
    F: Future<Output = Result<T, tonic::Status>> + Send,
    T: Send,
{
    let mut sums = LoadSample::new()?;
    sums.extend(MEASUREMENT_TIME, call).await?;
    Ok(sums.figures())
}

/// Measures both calls in turns. Each round starts with the call that was last in the round before. Returns the sum of
/// each call's turns.
pub async fn compare<A, B, FA, FB, TA, TB>(one: A, other: B) -> Result<ComparedFigures, Failure>
where
    A: Fn() -> FA + Clone + Send + 'static,
    B: Fn() -> FB + Clone + Send + 'static,
    FA: Future<Output = Result<TA, tonic::Status>> + Send,
    FB: Future<Output = Result<TB, tonic::Status>> + Send,
    TA: Send,
    TB: Send,
{
    let (mut ones, mut others) = (LoadSample::new()?, LoadSample::new()?);
    for turn in 0..TURN_COUNT {
        if turn % 2 == 0 {
            ones.extend(TURN_TIME, one.clone()).await?;
            others.extend(TURN_TIME, other.clone()).await?;
        } else {
            others.extend(TURN_TIME, other.clone()).await?;
            ones.extend(TURN_TIME, one.clone()).await?;
        }
    }
    Ok(ComparedFigures { one: ones.figures(), other: others.figures() })
}
