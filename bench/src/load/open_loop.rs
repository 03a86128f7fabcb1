//! An open loop: calls arrive at a constant rate, however slow the answers are.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Status;

use super::LoadSample;
use super::ticks::Ticks;
use crate::Failure;

/// A schedule of calls.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    /// Calls a second.
    pub rate: u32,
    /// Time from the first arrival to the last one.
    pub length: Duration,
    /// Open calls at once. Further arrivals are counted as shed, so that a stalled server costs no memory.
    pub backlog: usize,
}

impl Arrivals {
    /// Returns the number of arrivals up to this time after the start.
    fn due(&self, elapsed: Duration) -> u64 {
        let due = elapsed.min(self.length).as_nanos() * u128::from(self.rate) / 1_000_000_000;
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    /// Returns the time of an arrival after the start. The first arrival comes one interval after the start.
    fn intended(&self, number: u64) -> Duration {
        Duration::from_nanos_u128((u128::from(number) + 1) * 1_000_000_000 / u128::from(self.rate))
    }
}

/// Calls at a constant rate, with these calls in turn, and waits for all answers. Stops early once a call returns
/// `None`.
///
/// The time of a call counts from its scheduled start. So a stall of the server appears in the time of each call that
/// should have started during the stall, and not in one call only (coordinated omission).
///
/// # Errors
/// Fails if the machine has no timer or thread, or a call panics.
pub async fn open_loop<C, F>(arrivals: &Arrivals, calls: &[C]) -> Result<LoadSample, Failure>
where
    C: Fn() -> Option<F>,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let ticks = Ticks::start(Duration::from_secs(1) / arrivals.rate.max(1))?;
    let (began, count) = (Instant::now(), arrivals.due(arrivals.length));
    let (mut sample, mut open, mut calls) = (LoadSample::new()?, JoinSet::new(), calls.iter().cycle());
    let mut next = 0;
    'arrivals: while next < count {
        ticks.next().await;
        while let Some(ended) = open.try_join_next() {
            let (answer, took) = ended?;
            sample.record(answer, took);
        }
        let due = arrivals.due(began.elapsed());
        for number in next..due {
            if open.len() >= arrivals.backlog {
                sample.shed += 1;
                continue;
            }
            let Some(call) = calls.next().and_then(|call| call()) else { break 'arrivals };
            let intended = began + arrivals.intended(number);
            open.spawn(async move {
                let answer = call.await;
                (answer, intended.elapsed())
            });
        }
        next = due;
    }
    while let Some(ended) = open.join_next().await {
        let (answer, took) = ended?;
        sample.record(answer, took);
    }
    sample.taken = began.elapsed();
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_evenly_spaced() {
        let arrivals = Arrivals { rate: 1000, length: Duration::from_millis(100), backlog: 1 };
        assert_eq!(arrivals.due(Duration::from_micros(999)), 0);
        assert_eq!(arrivals.due(Duration::from_millis(1)), 1);
        assert_eq!(arrivals.due(Duration::from_secs(9)), 100);
        for number in 0..100 {
            assert_eq!(arrivals.due(arrivals.intended(number)), number + 1, "none is due before its time");
        }
    }
}
