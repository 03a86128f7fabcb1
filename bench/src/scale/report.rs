//! The result of `bench scale`, as JSON. A change of a field's meaning or name raises the schema's number.

use serde::Serialize;

use super::{ScaleEngine, ScaleFigure, ScaleSettings};
use crate::load::Spread;
use crate::machine::MachineFacts;

/// Number of the schema.
pub(super) const SCALE_SCHEMA: u32 = 1;

/// Largest ratio of a read's median time at the most rows to that at the fewest.
const MAX_READ_RATIO: f64 = 1.2;

/// The result. docs/benchmarks.md describes the fields.
#[derive(Debug, Serialize)]
pub(super) struct ScaleReport {
    pub(super) schema: u32,
    #[serde(flatten)]
    pub(super) machine: MachineFacts,
    pub(super) settings: ScaleSettings,
    pub(super) engines: Vec<EngineFigures>,
}

/// Figures of an engine.
#[derive(Debug, Serialize)]
pub(super) struct EngineFigures {
    pub(super) engine: ScaleEngine,
    /// Memory that was available before the databases were filled, in bytes.
    pub(super) available_bytes: u64,
    pub(super) sizes: Vec<SizeFacts>,
    pub(super) calls: Vec<SizedCall>,
    pub(super) others: Vec<GoalFigure>,
}

/// The databases of one size.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct SizeFacts {
    /// Users, and posts.
    pub(super) rows: u64,
    /// Bytes of both databases, with their indexes.
    pub(super) bytes: u64,
    pub(super) fill_seconds: f64,
}

/// Figures of a call.
#[derive(Debug, Serialize)]
pub(super) struct SizedCall {
    pub(super) call: String,
    /// In the order of the sizes.
    pub(super) sizes: Vec<CallRounds>,
    /// Median time at the most rows, divided by that at the fewest, round by round.
    pub(super) ratio: Spread,
    /// Largest allowed ratio; `None` for a call without a goal.
    pub(super) goal: Option<f64>,
}

/// Rounds of a call at one size.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct CallRounds {
    pub(super) rows: u64,
    pub(super) rounds: Vec<CallRound>,
}

/// A round of a call at one size.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CallRound {
    pub(super) answers: u64,
    /// Failed calls. Their times are not recorded.
    pub(super) failed: u64,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    /// Processor time of the services a call, without that of a PostgreSQL server.
    pub(super) services_cpu_us: f64,
}

/// A figure with one number.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GoalFigure {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    /// Largest allowed value; `None` for a figure without a goal.
    pub(super) goal: Option<f64>,
}

impl CallRounds {
    /// Returns the median of the rounds, of a time in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "times are below a minute")]
    pub(super) fn median(&self, time: impl Fn(&CallRound) -> u64) -> f64 {
        Spread::of_rounds(&self.rounds.iter().map(|round| time(round) as f64).collect::<Vec<_>>()).median
    }
}

impl SizedCall {
    /// Returns the figures of a call, measured at these sizes.
    pub(super) fn new(figure: ScaleFigure, sizes: Vec<CallRounds>) -> Self {
        let ratio = ratio(&sizes);
        Self { call: figure.to_string(), sizes, ratio, goal: figure.is_read().then_some(MAX_READ_RATIO) }
    }

    /// Returns the number of failed calls.
    pub(super) fn failed(&self) -> u64 {
        self.sizes.iter().flat_map(|size| &size.rounds).map(|round| round.failed).sum()
    }

    /// Returns true if the call misses its goal. A call that fails misses it, too.
    pub(super) fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| self.ratio.median > goal || self.failed() > 0)
    }
}

impl GoalFigure {
    /// Returns a figure without a goal.
    pub(super) fn new(name: String, value: f64, unit: &'static str) -> Self {
        Self { name, value, unit, goal: None }
    }

    /// Returns the figure with this largest allowed value.
    pub(super) fn at_most(self, goal: f64) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// Returns true if the figure misses its goal.
    pub(super) fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| self.value > goal)
    }
}

/// Returns the ratio of the last size to the first, round by round. A round without answers has no ratio.
#[expect(clippy::cast_precision_loss, reason = "times are below a minute")]
fn ratio(sizes: &[CallRounds]) -> Spread {
    let [Some(first), Some(last)] = [sizes.first(), sizes.last()] else { return Spread::of_rounds(&[]) };
    let pairs = first.rounds.iter().zip(&last.rounds).filter(|(first, last)| first.answers > 0 && last.answers > 0);
    Spread::of_rounds(&pairs.map(|(first, last)| last.p50_us as f64 / first.p50_us.max(1) as f64).collect::<Vec<_>>())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the figures of a call with these medians in microseconds, one for each round.
    pub(in crate::scale) fn sized_call(figure: ScaleFigure, sizes: &[(u64, &[u64])]) -> SizedCall {
        let round = |p50_us: &u64| CallRound {
            answers: u64::from(*p50_us > 0),
            failed: u64::from(*p50_us == 0),
            p50_us: *p50_us,
            p99_us: p50_us * 2,
            services_cpu_us: 10.0,
        };
        let rounds = |medians: &[u64]| medians.iter().map(round).collect();
        SizedCall::new(
            figure,
            sizes.iter().map(|(rows, times)| CallRounds { rows: *rows, rounds: rounds(times) }).collect(),
        )
    }

    #[test]
    fn sizes_are_compared_round_by_round() {
        let call =
            sized_call(ScaleFigure::GetPost, &[(10, &[100, 200, 0]), (100, &[1, 1, 1]), (1_000, &[110, 300, 9])]);
        assert_eq!(call.ratio, Spread { median: 1.3, min: 1.1, max: 1.5 });
        assert_eq!((call.is_missed(), call.failed()), (true, 1));
        let one = sized_call(ScaleFigure::GetPost, &[(10, &[100, 200])]);
        assert_eq!((one.ratio.median, one.is_missed()), (1.0, false));
    }

    #[test]
    fn only_figures_with_a_goal_can_miss_it() {
        assert!(!sized_call(ScaleFigure::Login, &[(10, &[1]), (100, &[9])]).is_missed());
        let figure = GoalFigure::new("start".into(), 2_001.0, "ms");
        assert!(!figure.is_missed() && figure.clone().at_most(2_000.0).is_missed());
        assert!(!figure.at_most(2_001.0).is_missed());
    }
}
