//! The result as an SVG picture: a bar for each rival, in each of six panels.

use std::fmt::Write as _;

use super::figures::{RefusalFigures, RivalFigures, RivalsReport};
use super::table::{refused, whole};
use super::work::RivalCall;
use crate::svg::{self, text};

/// Sizes, in pixels.
const WIDTH: f64 = 860.0;
const TOP: f64 = 52.0;
const ROW: f64 = 18.0;
const PANEL_TITLE: f64 = 28.0;
const PANEL_WIDTH: f64 = 280.0;
const NAME_WIDTH: f64 = 108.0;
const BAR_WIDTH: f64 = 100.0;

/// Number of panels side by side.
const COLUMNS: u32 = 3;

/// A figure that the picture shows.
struct Panel {
    title: &'static str,
    /// Length of a bar; `None` if the rival does not have the function.
    figure: fn(&RivalFigures) -> Option<f64>,
    /// Text beside a bar with this length.
    label: fn(&RivalFigures, f64) -> String,
}

const PANELS: [Panel; 6] = [
    Panel { title: "guarded reads a second", figure: |one| one.rate(RivalCall::Read), label: |_, rate| whole(rate) },
    Panel {
        title: "questions about a token a second",
        figure: |one| one.rate(RivalCall::Verify),
        label: |_, rate| whole(rate),
    },
    Panel {
        title: "logins a second (hashes differ)",
        figure: |one| one.rate(RivalCall::Login),
        label: |_, rate| whole(rate),
    },
    Panel { title: "refreshes a second", figure: |one| one.rate(RivalCall::Refresh), label: |_, rate| whole(rate) },
    Panel {
        title: "memory under load, MiB",
        figure: |one| Some(one.memory_load_mib),
        label: |_, memory| format!("{memory:.0}"),
    },
    Panel { title: "seconds until a logout works", figure: seconds_until_refused, label: |one, _| refused(one) },
];

/// Returns the longest time until a refusal, or the whole wait without one.
fn seconds_until_refused(figures: &RivalFigures) -> Option<f64> {
    match figures.refused? {
        RefusalFigures::After(spread) => Some(spread.max),
        RefusalFigures::NotWithin(seconds) => u32::try_from(seconds).ok().map(f64::from),
    }
}

/// Returns the picture.
pub(super) fn draw(report: &RivalsReport) -> String {
    let rows = f64::from(u32::try_from(report.rivals.len()).unwrap_or(u32::MAX));
    let panel_height = PANEL_TITLE + rows * ROW + 10.0;
    let lines = f64::from(u32::try_from(PANELS.len()).unwrap_or(u32::MAX).div_ceil(COLUMNS));
    let mut drawn = svg::open(WIDTH, TOP + lines * panel_height);
    text(&mut drawn, "title", 12.0, 22.0, "start", "Gatepost and its rivals: medians of one run, in turns");
    let machine = &report.machine;
    let place = format!("{}, {} cores; commit {}", machine.processor, machine.cores, machine.commit);
    text(&mut drawn, "small", 12.0, 38.0, "start", &place);
    for (number, panel) in (0_u32..).zip(&PANELS) {
        let (x, y) =
            (12.0 + f64::from(number % COLUMNS) * PANEL_WIDTH, TOP + f64::from(number / COLUMNS) * panel_height);
        draw_panel(&mut drawn, panel, &report.rivals, x, y);
    }
    drawn + "</svg>\n"
}

/// Draws a panel at this place. The longest bar has the largest value.
fn draw_panel(drawn: &mut String, panel: &Panel, rivals: &[RivalFigures], x: f64, y: f64) {
    text(drawn, "title", x, y + 16.0, "start", panel.title);
    let most = rivals.iter().filter_map(panel.figure).fold(f64::MIN_POSITIVE, f64::max);
    let left = x + NAME_WIDTH;
    for (number, one) in (0_u32..).zip(rivals) {
        let top = y + PANEL_TITLE + f64::from(number) * ROW;
        text(drawn, "small", left - 6.0, top + 10.0, "end", &one.rival);
        let Some(value) = (panel.figure)(one) else {
            text(drawn, "small", left, top + 10.0, "start", "–");
            continue;
        };
        let width = BAR_WIDTH * value / most;
        let _ = writeln!(drawn, "<rect class=\"bar\" x=\"{left}\" y=\"{top}\" width=\"{width:.1}\" height=\"12\"/>");
        text(drawn, "small", left + width + 5.0, top + 10.0, "start", &(panel.label)(one, value));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rival;
    use super::super::figures::tests::reads;
    use super::*;

    #[test]
    fn longest_bar_has_the_largest_value() {
        let rivals = [reads(Rival::Gatepost, [50.0], [100.0]), reads(Rival::GoPair, [200.0], [200.0])];
        let mut drawn = String::new();
        draw_panel(&mut drawn, &PANELS[0], &rivals, 0.0, 0.0);
        let widths: Vec<_> = drawn.split(" width=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(widths, ["25.0", "100.0"]);
        // Neither rival has logins.
        let mut drawn = String::new();
        draw_panel(&mut drawn, &PANELS[2], &rivals, 0.0, 0.0);
        assert_eq!((drawn.matches("<rect").count(), drawn.matches('–').count()), (0, 2));
    }
}
