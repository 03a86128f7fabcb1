//! Answers of a loop: times, failures, and arrivals that were not sent.

use std::time::Duration;

use hdrhistogram::Histogram;
use tonic::Status;

use crate::Failure;

/// Longest recorded time, in microseconds. A longer one counts as this time.
const MAX_MICROS: u64 = 60_000_000;

/// Answers of a loop.
#[derive(Debug)]
pub struct LoadSample {
    /// Times of the successful calls, in microseconds, exact to three digits.
    pub micros: Histogram<u64>,
    /// Number of failed calls. Their times are not recorded.
    pub failed: u64,
    /// The first failure.
    pub first_failure: Option<Status>,
    /// Number of arrivals without a call, because too many calls were open.
    pub shed: u64,
    /// Time from the start to the last answer.
    pub taken: Duration,
}

impl LoadSample {
    /// Returns a sample without answers.
    ///
    /// # Errors
    /// Fails if there is no memory for the histogram.
    pub fn new() -> Result<Self, Failure> {
        let micros = Histogram::new_with_bounds(1, MAX_MICROS, 3)?;
        Ok(Self { micros, failed: 0, first_failure: None, shed: 0, taken: Duration::ZERO })
    }

    /// Adds a call.
    pub fn record<T>(&mut self, answer: Result<T, Status>, took: Duration) {
        match answer {
            Ok(_) => self.micros.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
            Err(status) => {
                self.failed += 1;
                self.first_failure.get_or_insert(status);
            }
        }
    }

    /// Adds the answers of another loop, whose time is not part of this one.
    ///
    /// # Errors
    /// Never fails: both histograms have the same bounds.
    pub fn add(&mut self, other: Self) -> Result<(), Failure> {
        self.micros.add(&other.micros)?;
        self.failed += other.failed;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.shed += other.shed;
        self.taken += other.taken;
        Ok(())
    }

    /// Returns successful calls a second.
    #[expect(clippy::cast_precision_loss, reason = "the calls of a few minutes are few")]
    pub fn rate(&self) -> f64 {
        if self.taken.is_zero() { 0.0 } else { self.micros.len() as f64 / self.taken.as_secs_f64() }
    }
}

/// Returns a quantile in milliseconds. The histogram holds microseconds.
pub fn millis(took: &Histogram<u64>, quantile: f64) -> f64 {
    Duration::from_micros(took.value_at_quantile(quantile)).as_secs_f64() * 1000.0
}
