//! The result as an SVG picture: a bar of calls a second, and the percentiles of the times, for each call.

use std::fmt::Write as _;

use super::figures::{SeriesFigures, Spread, TimeFigures};
use super::report::LoadReport;
use crate::svg::{self, text};

/// Sizes, in pixels.
const WIDTH: f64 = 860.0;
const ROW: f64 = 26.0;
const TOP: f64 = 64.0;
const BARS_LEFT: f64 = 130.0;
const BARS_WIDTH: f64 = 250.0;
const TIMES_LEFT: f64 = 500.0;
const TIMES_WIDTH: f64 = 330.0;

/// A scale of times: powers of ten, in milliseconds.
struct TimeScale {
    low: f64,
    high: f64,
}

/// Returns the picture.
pub(super) fn draw(report: &LoadReport) -> String {
    let rows = f64::from(u32::try_from(report.series.len()).unwrap_or(u32::MAX));
    let height = TOP + rows * ROW + 44.0;
    let most = report.series.iter().map(|one| one.calls_per_second.max).fold(1.0, f64::max);
    let scale = TimeScale::for_series(&report.series);
    let mut drawn = svg::open(WIDTH, height);
    text(&mut drawn, "title", 12.0, 22.0, "start", "Calls a second, and their times");
    text(
        &mut drawn,
        "small",
        12.0,
        38.0,
        "start",
        &format!("{}; commit {}", report.machine.processor, report.machine.commit),
    );
    text(&mut drawn, "small", BARS_LEFT, 56.0, "start", "calls/s: median of the rounds, lowest to highest");
    text(&mut drawn, "small", TIMES_LEFT, 56.0, "start", "time in ms, logarithmic: p50, p99, p99.9");
    axis(&mut drawn, &scale, rows);
    for (index, series) in (0_u32..).zip(&report.series) {
        let y = TOP + f64::from(index) * ROW;
        text(&mut drawn, "name", BARS_LEFT - 8.0, y + 17.0, "end", &series.name());
        bar(&mut drawn, series.calls_per_second, most, y);
        marks(&mut drawn, series, &scale, y);
    }
    drawn + "</svg>\n"
}

impl TimeScale {
    /// Returns the powers of ten around the times of these series.
    fn for_series(series: &[SeriesFigures]) -> Self {
        let spreads = |time: fn(&TimeFigures) -> f64| series.iter().filter_map(move |one| one.times(time));
        let low = spreads(|times| times.p50).map(|spread| spread.median).fold(f64::INFINITY, f64::min);
        let high = spreads(|times| times.p999).map(|spread| spread.median).fold(0.0, f64::max);
        if high <= 0.0 {
            return Self { low: 0.1, high: 10.0 };
        }
        let low = 10_f64.powf(low.max(0.001).log10().floor());
        Self { low, high: 10_f64.powf(high.log10().ceil()).max(low * 10.0) }
    }

    fn x(&self, millis: f64) -> f64 {
        let part = (millis.clamp(self.low, self.high) / self.low).log10() / (self.high / self.low).log10();
        TIMES_LEFT + TIMES_WIDTH * part
    }
}

/// Draws a line at each power of ten.
fn axis(drawn: &mut String, scale: &TimeScale, rows: f64) {
    let bottom = TOP + rows * ROW;
    let mut millis = scale.low;
    while millis <= scale.high * 1.001 {
        let x = scale.x(millis);
        let _ = writeln!(drawn, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>");
        text(drawn, "small", x, bottom + 16.0, "middle", &format!("{millis}"));
        millis *= 10.0;
    }
    let names = [("p50", "p50"), ("p99", "p99"), ("p999", "p99.9")];
    for (index, (class, name)) in (0_u32..).zip(names) {
        let x = TIMES_LEFT + f64::from(index) * 60.0;
        let _ = writeln!(drawn, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{:.1}\" r=\"4\"/>", bottom + 30.0);
        text(drawn, "small", x + 8.0, bottom + 34.0, "start", name);
    }
}

/// Draws the median as a bar, and the lowest and the highest round as a line.
fn bar(drawn: &mut String, rate: Spread, most: f64, y: f64) {
    let [median, min, max] = [rate.median, rate.min, rate.max].map(|rate| BARS_WIDTH * rate / most);
    let (top, middle) = (y + 5.0, y + 13.0);
    let _ = writeln!(
        drawn,
        "<rect class=\"bar\" x=\"{BARS_LEFT}\" y=\"{top}\" width=\"{median:.1}\" height=\"16\"/>\n<path class=\"range\" \
         d=\"M{:.1} {middle}H{:.1}\"/>",
        BARS_LEFT + min,
        BARS_LEFT + max
    );
    text(drawn, "small", BARS_LEFT + max.max(median) + 6.0, y + 17.0, "start", &format!("{:.0}", rate.median));
}

/// Draws the percentiles as points.
fn marks(drawn: &mut String, series: &SeriesFigures, scale: &TimeScale, y: f64) {
    let times = [
        ("p999", series.times(|times| times.p999)),
        ("p99", series.times(|times| times.p99)),
        ("p50", series.times(|times| times.p50)),
    ];
    for (class, spread) in times {
        if let Some(Spread { median, .. }) = spread {
            let (x, y) = (scale.x(median), y + 13.0);
            let _ = writeln!(
                drawn,
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"4\"><title>{median:.2} ms</title></circle>"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MeasuredCall;
    use super::super::figures::{Generator, RoundFigures};
    use super::*;

    #[test]
    fn scale_covers_all_times() {
        let mut series = SeriesFigures::new(MeasuredCall::Get, Generator::Bench, None);
        let times_ms = Some(TimeFigures { p50: 0.7, p99: 4.0, p999: 31.0, max: 400.0 });
        let (answers, failed, shed, seconds, server_cpu_us) = (1, 0, 0, 1.0, None);
        series.add(RoundFigures { calls_per_second: 9.0, times_ms, answers, failed, shed, seconds, server_cpu_us });
        let scale = TimeScale::for_series(&[series]);
        assert!((scale.low - 0.1).abs() < 1e-9 && (scale.high - 100.0).abs() < 1e-9);
        assert!((scale.x(0.1) - TIMES_LEFT).abs() < 1e-9);
        assert!((scale.x(100.0) - TIMES_LEFT - TIMES_WIDTH).abs() < 1e-9);
        assert!(scale.x(0.7) < scale.x(4.0) && scale.x(1e9) <= TIMES_LEFT + TIMES_WIDTH);
    }
}
