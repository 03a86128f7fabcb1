//! Figures of a series: each round, and the median with the lowest and the highest round.

use serde::Serialize;

use super::outside::OutsideCount;
use super::{LoadSample, MeasuredCall, millis};

/// Program that made the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Generator {
    Bench,
    H2load,
}

/// Figures of a kind of call.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SeriesFigures {
    pub(super) call: String,
    pub(super) generator: Generator,
    /// Number of posts in an answer; `None` for calls without rows.
    pub(super) rows_per_call: Option<usize>,
    /// Successful calls a second.
    pub(super) calls_per_second: Spread,
    pub(super) first_failure: Option<String>,
    pub(super) rounds: Vec<RoundFigures>,
}

/// Figures of a round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RoundFigures {
    /// Successful calls a second.
    pub(crate) calls_per_second: f64,
    /// Times of the successful calls; `None` for h2load, which reports no percentiles.
    pub(crate) times_ms: Option<TimeFigures>,
    pub(crate) answers: u64,
    pub(crate) failed: u64,
    pub(crate) shed: u64,
    pub(crate) seconds: f64,
    /// Processor time of the server a call, in microseconds; `None` for running services and for h2load.
    pub(crate) server_cpu_us: Option<f64>,
}

/// Times of a round's calls, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct TimeFigures {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// Median, lowest and highest value of the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The lowest value.
    pub min: f64,
    /// The highest value.
    pub max: f64,
}

impl RoundFigures {
    /// Returns the figures of a round's turns. `server_seconds` is the server's processor time.
    #[expect(clippy::cast_precision_loss, reason = "the calls of a few minutes are few")]
    pub(crate) fn new(sample: &LoadSample, server_seconds: Option<f64>) -> Self {
        let LoadSample { micros, failed, shed, taken, .. } = sample;
        let answers = micros.len();
        let quantile = |part| millis(micros, part);
        let (p50, p99, p999) = (quantile(0.5), quantile(0.99), quantile(0.999));
        Self {
            calls_per_second: sample.rate(),
            times_ms: (answers > 0).then(|| TimeFigures { p50, p99, p999, max: quantile(1.0) }),
            answers,
            failed: *failed,
            shed: *shed,
            seconds: taken.as_secs_f64(),
            server_cpu_us: server_seconds.map(|seconds| seconds * 1e6 / (answers + failed).max(1) as f64),
        }
    }
}

impl From<&OutsideCount> for RoundFigures {
    #[expect(clippy::cast_precision_loss, reason = "the calls of a few minutes are few")]
    fn from(count: &OutsideCount) -> Self {
        let (answers, seconds) = (count.succeeded, count.taken.as_secs_f64());
        let calls_per_second = if count.taken.is_zero() { 0.0 } else { answers as f64 / seconds };
        let (times_ms, server_cpu_us) = (None, None);
        Self { calls_per_second, times_ms, answers, failed: count.failed, shed: 0, seconds, server_cpu_us }
    }
}

impl SeriesFigures {
    /// Returns the figures of a series without rounds.
    pub(super) fn new(kind: MeasuredCall, generator: Generator, rows_per_call: Option<usize>) -> Self {
        let (call, calls_per_second) = (kind.to_string(), Spread::of_rounds(&[]));
        Self { call, generator, rows_per_call, calls_per_second, first_failure: None, rounds: Vec::new() }
    }

    /// Adds a round.
    pub(super) fn add(&mut self, round: RoundFigures) {
        self.rounds.push(round);
        self.calls_per_second = self.spread(|round| Some(round.calls_per_second));
    }

    /// Returns the name in tables.
    pub(super) fn name(&self) -> String {
        match self.generator {
            Generator::Bench => self.call.clone(),
            Generator::H2load => format!("h2load {}", self.call),
        }
    }

    /// Returns the spread of a figure over the rounds that have it.
    pub(super) fn spread(&self, figure: impl Fn(&RoundFigures) -> Option<f64>) -> Spread {
        Spread::of_rounds(&self.rounds.iter().filter_map(figure).collect::<Vec<_>>())
    }

    /// Returns the spread of a time; `None` if no round has times.
    pub(super) fn times(&self, time: impl Fn(&TimeFigures) -> f64) -> Option<Spread> {
        let times: Vec<_> = self.rounds.iter().filter_map(|round| round.times_ms.as_ref().map(&time)).collect();
        (!times.is_empty()).then(|| Spread::of_rounds(&times))
    }
}

impl Spread {
    /// Returns the spread of these values; zeros without values. The median of an even number is the mean of the middle
    /// two.
    pub(crate) fn of_rounds(values: &[f64]) -> Self {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first(), values.last()) else {
            return Self { median: 0.0, min: 0.0, max: 0.0 };
        };
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Self { median, min: *min, max: *max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_stands_between_the_extremes() {
        assert_eq!(Spread::of_rounds(&[3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of_rounds(&[4.0, 1.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(Spread::of_rounds(&[]), Spread { median: 0.0, min: 0.0, max: 0.0 });
    }
}
