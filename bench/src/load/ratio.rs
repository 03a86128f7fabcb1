//! Ratios of two calls, round by round.

use serde::Serialize;

use super::MeasuredCall;
use super::figures::{Generator, SeriesFigures, Spread};

/// Compared calls: the first one's rate is divided by the second one's.
const COMPARED: [[MeasuredCall; 2]; 8] = [
    [MeasuredCall::Verify, MeasuredCall::Echo],
    [MeasuredCall::Verify, MeasuredCall::Check],
    [MeasuredCall::VerifyCold, MeasuredCall::Verify],
    [MeasuredCall::Get, MeasuredCall::GetPublic],
    [MeasuredCall::Get, MeasuredCall::CheckBlog],
    [MeasuredCall::List, MeasuredCall::Get],
    [MeasuredCall::Batch, MeasuredCall::Get],
    [MeasuredCall::Refresh, MeasuredCall::Check],
];

/// A ratio of rates. Calls with rows count each row.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ratio {
    pub(super) name: String,
    pub(super) spread: Spread,
    pub(super) rounds: Vec<f64>,
}

/// Returns the ratios of all compared calls that were measured.
pub(super) fn ratios(series: &[SeriesFigures]) -> Vec<Ratio> {
    let find = |kind: MeasuredCall, generator| {
        series.iter().find(|one| one.call == kind.to_string() && one.generator == generator)
    };
    let ours = COMPARED
        .iter()
        .filter_map(|[one, other]| Some(ratio(find(*one, Generator::Bench)?, find(*other, Generator::Bench)?)));
    let outside = [MeasuredCall::Check, MeasuredCall::Verify]
        .into_iter()
        .filter_map(|kind| Some(ratio(find(kind, Generator::H2load)?, find(kind, Generator::Bench)?)));
    ours.chain(outside).collect()
}

#[expect(clippy::cast_precision_loss, reason = "an answer has at most a hundred rows")]
fn ratio(one: &SeriesFigures, other: &SeriesFigures) -> Ratio {
    let rows = |series: &SeriesFigures| series.rows_per_call.unwrap_or(1) as f64;
    let rate = |series: &SeriesFigures, round: usize| series.rounds[round].calls_per_second * rows(series);
    let count = one.rounds.len().min(other.rounds.len());
    // A round without answers has no ratio.
    let rounds: Vec<_> = (0..count)
        .filter(|round| rate(other, *round) > 0.0)
        .map(|round| rate(one, round) / rate(other, round))
        .collect();
    let name = |series: &SeriesFigures| match series.rows_per_call {
        Some(_) => format!("{} rows", series.name()),
        None => series.name(),
    };
    Ratio { name: format!("{} / {}", name(one), name(other)), spread: Spread::of_rounds(&rounds), rounds }
}

#[cfg(test)]
mod tests {
    use super::super::figures::RoundFigures;
    use super::*;

    fn series(kind: MeasuredCall, generator: Generator, rows: Option<usize>, rates: &[f64]) -> SeriesFigures {
        let mut series = SeriesFigures::new(kind, generator, rows);
        for rate in rates {
            let times_ms = None;
            let (answers, failed, shed, seconds, server_cpu_us) = (1, 0, 0, 1.0, None);
            series.add(RoundFigures {
                calls_per_second: *rate,
                times_ms,
                answers,
                failed,
                shed,
                seconds,
                server_cpu_us,
            });
        }
        series
    }

    #[test]
    fn rounds_are_compared_one_by_one() {
        let measured = [
            series(MeasuredCall::Check, Generator::Bench, None, &[10.0, 20.0, 0.0]),
            series(MeasuredCall::Check, Generator::H2load, None, &[20.0, 20.0, 20.0]),
            series(MeasuredCall::Get, Generator::Bench, None, &[10.0, 10.0, 10.0]),
            series(MeasuredCall::List, Generator::Bench, Some(50), &[1.0, 1.0, 2.0]),
        ];
        let found: Vec<_> = ratios(&measured).into_iter().map(|ratio| (ratio.name, ratio.rounds)).collect();
        let expected = [("list rows / get", vec![5.0, 5.0, 10.0]), ("h2load check / check", vec![2.0, 1.0])];
        assert_eq!(found, expected.map(|(name, rounds)| (name.to_owned(), rounds)));
    }
}
