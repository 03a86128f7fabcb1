//! The figures of an engine as a table.

use super::ScaleSettings;
use super::report::{EngineFigures, GoalFigure, SizedCall};
use crate::load::Spread;

/// Width of the names of other figures.
const NAME_WIDTH: usize = 62;

/// Returns the table.
pub(super) fn table(figures: &EngineFigures, settings: &ScaleSettings) -> String {
    let mut lines = Vec::new();
    if !figures.calls.is_empty() {
        let ScaleSettings { callers, rounds, turns, turn_ms, seed, .. } = settings;
        lines.push(format!(
            "{}: {callers} callers, seed {seed}; {rounds} rounds of {turns} turns of {turn_ms} ms; the sizes take turns",
            figures.engine
        ));
        lines.extend(sizes(figures));
        lines.push(String::new());
        lines.extend(heading(figures));
        lines.extend(figures.calls.iter().map(row));
        let failing = figures.calls.iter().filter(|call| call.failed() > 0);
        lines.extend(failing.map(|call| format!("{}: {} calls failed", call.call, call.failed())));
    }
    if !figures.others.is_empty() {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("{:<NAME_WIDTH$}{:>12}   goal", format!("{}: other figures", figures.engine), "measured"));
        lines.extend(figures.others.iter().map(other));
    }
    lines.join("\n")
}

/// Returns a line for each size, and a line about the system's page cache.
fn sizes(figures: &EngineFigures) -> Vec<String> {
    let mut lines: Vec<_> = figures
        .sizes
        .iter()
        .map(|size| {
            let (rows, bytes) = (short(size.rows), gib(size.bytes));
            format!("{rows} rows: {bytes:.2} GiB, filled in {:.0} s", size.fill_seconds)
        })
        .collect();
    let all = figures.sizes.iter().map(|size| size.bytes).sum::<u64>();
    let fit = if all <= figures.available_bytes { "fit" } else { "do not fit" };
    let (all, available) = (gib(all), gib(figures.available_bytes));
    lines.push(format!(
        "all databases have {all:.2} GiB, {available:.1} GiB of memory were available: they {fit} into the page cache"
    ));
    lines
}

#[expect(clippy::cast_precision_loss, reason = "a table needs three digits")]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Returns a number of rows, as a power of ten if it is one.
fn short(rows: u64) -> String {
    match rows.checked_ilog10() {
        Some(digits) if rows > 10 && rows == 10_u64.pow(digits) => format!("10^{digits}"),
        _ => rows.to_string(),
    }
}

fn heading(figures: &EngineFigures) -> [String; 2] {
    let rows = figures.sizes.iter().map(|size| format!("{:>18}", format!("{} rows", short(size.rows))));
    let times = figures.sizes.iter().map(|_| format!("{:>9}{:>9}", "p50", "p99"));
    let [rows, times] = [rows.collect::<String>(), times.collect::<String>()];
    [format!("{:<16}{rows}  {:<25}goal", "us a call", "last / first"), format!("{:<16}{times}  p50 (min..max)", "")]
}

fn row(call: &SizedCall) -> String {
    let times = call.sizes.iter().map(|size| {
        let [p50, p99] = [size.median(|round| round.p50_us), size.median(|round| round.p99_us)];
        format!("{p50:>9.0}{p99:>9.0}")
    });
    let (times, Spread { median, min, max }) = (times.collect::<String>(), call.ratio);
    let (ratio, goal) = (format!("{median:.2} ({min:.2}..{max:.2})"), goal(call.goal, call.is_missed(), ""));
    format!("{:<16}{times}  {ratio:<25}{goal}", call.call).trim_end().to_owned()
}

/// Returns the line of a figure with one number.
pub(super) fn other(figure: &GoalFigure) -> String {
    let GoalFigure { name, value, unit, goal: limit, .. } = figure;
    let measured = format!("{value:.0} {unit}").trim_end().to_owned();
    format!("{name:<NAME_WIDTH$}{measured:>12}   {}", goal(*limit, figure.is_missed(), unit)).trim_end().to_owned()
}

fn goal(limit: Option<f64>, is_missed: bool, unit: &str) -> String {
    let Some(limit) = limit else { return String::new() };
    let verdict = if is_missed { "MISSED" } else { "met" };
    format!("<= {limit} {unit}").trim_end().to_owned() + ", " + verdict
}

#[cfg(test)]
mod tests {
    use super::super::report::SizeFacts;
    use super::super::report::tests::sized_call;
    use super::super::{ScaleEngine, ScaleFigure};
    use super::*;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        settings: ScaleSettings,
    }

    #[test]
    fn table_shows_ratios_and_missed_goals() {
        let settings = <Flags as clap::Parser>::parse_from(["scale"]).settings;
        let size = |rows, bytes| SizeFacts { rows, bytes, fill_seconds: 2.0 };
        let figures = EngineFigures {
            engine: ScaleEngine::Sqlite,
            available_bytes: 1 << 31,
            sizes: vec![size(1_000, 1 << 20), size(2_500, 1 << 30)],
            calls: vec![
                sized_call(ScaleFigure::GetPost, &[(1_000, &[100, 100]), (2_500, &[110, 112])]),
                sized_call(ScaleFigure::ListDeep, &[(1_000, &[100]), (2_500, &[150])]),
                sized_call(ScaleFigure::Login, &[(1_000, &[9]), (2_500, &[18])]),
            ],
            others: vec![
                GoalFigure::new("start".into(), 2_100.4, "ms").at_most(2_000.0),
                GoalFigure::new("sweep".into(), 5.0, "s"),
            ],
        };
        let expected = "\
sqlite: 4 callers, seed 1; 5 rounds of 2 turns of 500 ms; the sizes take turns
10^3 rows: 0.00 GiB, filled in 2 s
2500 rows: 1.00 GiB, filled in 2 s
all databases have 1.00 GiB, 2.0 GiB of memory were available: they fit into the page cache

us a call                10^3 rows         2500 rows  last / first             goal
                      p50      p99      p50      p99  p50 (min..max)
get-post              100      200      111      222  1.11 (1.10..1.12)        <= 1.2, met
list-deep             100      200      150      300  1.50 (1.50..1.50)        <= 1.2, MISSED
login                   9       18       18       36  2.00 (2.00..2.00)

sqlite: other figures                                             measured   goal
start                                                              2100 ms   <= 2000 ms, MISSED
sweep                                                                  5 s";
        assert_eq!(table(&figures, &settings), expected);
    }
}
