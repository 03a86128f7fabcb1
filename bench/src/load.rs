//! A closed loop of callers on one connection.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use bench::Failure;

/// Callers that each wait for their answer before they ask again.
const CALLERS: usize = 32;

/// How long one measurement lasts.
const LENGTH: Duration = Duration::from_secs(3);

/// What a loop came out at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

/// Calls as fast as the answers come; a failed call ends the run.
pub(crate) async fn measure<F, T>(call: impl Fn() -> F + Clone + Send + 'static) -> Result<Figures, Failure>
where
    F: Future<Output = Result<T, tonic::Status>> + Send,
    T: Send,
{
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let call = call.clone();
        callers.spawn(async move {
            let mut micros = Histogram::<u64>::new_with_bounds(1, 10_000_000, 3)?;
            while began.elapsed() < LENGTH {
                let asked = Instant::now();
                call().await?;
                micros.saturating_record(u64::try_from(asked.elapsed().as_micros())?);
            }
            Ok::<_, Failure>(micros)
        });
    }
    let mut all = Histogram::<u64>::new_with_bounds(1, 10_000_000, 3)?;
    while let Some(micros) = callers.join_next().await {
        all.add(micros??)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts and microseconds of a few seconds are small")]
    let (count, millis) = (all.len() as f64, |quantile| all.value_at_quantile(quantile) as f64 / 1000.0);
    Ok(Figures { rate: count / seconds, p50: millis(0.5), p99: millis(0.99) })
}
