//! The report as a table. Each row shows a series of calls: rate, times, failures, and the server's processor time.

use super::figures::{SeriesFigures, Spread};
use super::report::LoadReport;

/// Returns the report as text: the settings, a row for each series, the first failures, the posts per second, the
/// ratios of rates, and the calls not run.
pub(super) fn table(report: &LoadReport) -> String {
    let settings = &report.settings;
    let load = match settings.rate {
        None => format!("{} callers, {} connections", settings.callers, settings.connections),
        Some(rate) => format!("{rate} calls/s arrive, {} connections", settings.connections),
    };
    let mut lines = vec![
        format!("{load}; {} rounds of {} turns of {} ms", settings.rounds, settings.turns, settings.turn_ms),
        String::new(),
        format!(
            "{:<16}{:>9} {:<17}{:>8}{:>9}{:>9}{:>9}{:>8}{:>7}{:>11}",
            "call", "calls/s", "(min..max)", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "failed", "shed", "us a call"
        ),
    ];
    lines.extend(report.series.iter().map(row));
    let failures = report.series.iter().filter_map(|one| Some((one.name(), one.first_failure.as_ref()?)));
    lines.extend(failures.map(|(name, failure)| format!("  {name}: the first failure was {failure}")));
    let rows = report.series.iter().filter_map(|one| {
        let (rows, Spread { median, min, max }) =
            (f64::from(u32::try_from(one.rows_per_call?).ok()?), one.calls_per_second);
        let [median, min, max] = [median, min, max].map(|rate| rate * rows);
        Some(format!("{} rows/s: {median:.0} ({min:.0}..{max:.0}), {rows:.0} a call", one.name()))
    });
    lines.extend(rows);
    if !report.ratios.is_empty() {
        lines.push(String::new());
        lines.push(format!("{:<32}{:>7} (min..max)", "ratio of rates, by round", "median"));
    }
    for ratio in &report.ratios {
        let Spread { median, min, max } = ratio.spread;
        lines.push(format!("{:<32}{median:>7.2} ({min:.2}..{max:.2})", ratio.name));
    }
    lines.extend(report.not_run.iter().map(|one| format!("{}: not run: {}", one.call, one.reason)));
    lines.join("\n")
}

/// Returns the row of a series. The rate is the median of the rounds, with the lowest and the highest one. The
/// percentiles and the processor time are medians of the rounds. The maximum is the longest time of all rounds.
fn row(series: &SeriesFigures) -> String {
    let Spread { median, min, max } = series.calls_per_second;
    let rate = format!("{median:>9.0} {:<17}", format!("({min:.0}..{max:.0})"));
    let time = |spread: Option<f64>| spread.map_or_else(|| "-".to_owned(), |millis| format!("{millis:.2}"));
    let [p50, p99, p999] =
        [series.times(|times| times.p50), series.times(|times| times.p99), series.times(|times| times.p999)]
            .map(|spread| time(spread.map(|spread| spread.median)));
    let most = time(series.times(|times| times.max).map(|spread| spread.max));
    let sum = |count: fn(&super::figures::RoundFigures) -> u64| series.rounds.iter().map(count).sum::<u64>();
    let [failed, shed] = [sum(|round| round.failed), sum(|round| round.shed)];
    let has_cost = series.rounds.iter().any(|round| round.server_cpu_us.is_some());
    let cost = has_cost.then(|| series.spread(|round| round.server_cpu_us).median);
    let cost = cost.map_or_else(|| "-".to_owned(), |micros| format!("{micros:.1}"));
    let name = series.name();
    format!("{name:<16}{rate}{p50:>8}{p99:>9}{p999:>9}{most:>9}{failed:>8}{shed:>7}{cost:>11}")
}
