//! The figures of one attack, and the targets for them.

use super::good::Served;
use crate::Failure;
use crate::drill::Broken;

/// Target: the largest growth of the services' memory under an attack, in MiB, unless the row has another target.
const MAX_EXTRA_MIB: f64 = 32.0;

/// Target: the largest share of the good callers' calls that fail.
const MAX_ERROR_SHARE: f64 = 0.01;

/// Target: the largest ratio of the good callers' p99 under the attack to their p99 without it. A row may have another
/// target.
const MAX_P99_FACTOR: f64 = 3.0;

/// A p99 below this time in milliseconds meets its target: such times are noise of the machine.
const NOISE_MILLIS: f64 = 5.0;

/// The figures of one attack.
#[derive(Debug)]
pub struct Row {
    /// Name of the scenario, and of its form if it has several.
    pub name: &'static str,
    /// Resident memory of the services before the attack, in MiB.
    pub before: f64,
    /// Largest resident memory of the services during the attack, in MiB.
    pub most: f64,
    /// Calls of the good callers without the attack.
    pub quiet: Served,
    /// Calls of the good callers during the attack.
    pub attacked: Served,
    /// Further figures, one line each.
    pub notes: Vec<String>,
    /// Message about a service that has ended, if one has.
    pub ended: Option<String>,
    /// The most memory that the attack may cost, in MiB.
    pub memory: f64,
    /// The largest allowed factor between the p99 without and under the attack.
    pub slower: f64,
}

/// Returns the heading of the table.
pub(super) fn heading() -> [String; 2] {
    [
        format!(
            "{:<20}{:>10}{:>10}{:>10}   {:>12}   {:>17}   {:>17}   within targets",
            "scenario", "MiB before", "most", "more", "good calls", "without attack", "under attack"
        ),
        format!(
            "{:<20}{:>10}{:>10}{:>10}   {:>12}   {:>17}   {:>17}",
            "", "", "", "", "(failed)", "p50 / p99 ms", "p50 / p99 ms"
        ),
    ]
}

impl Row {
    /// Returns the row of a service that did not start, with the reason.
    pub(super) fn unserved(name: &'static str, why: String) -> Result<Self, Failure> {
        let served = [Served::none()?, Served::none()?];
        Ok(Self { ended: Some(why), ..Self::new(name, [0.0, 0.0], served, Vec::new()) })
    }

    /// Returns the row of an attack with the usual targets. The arguments are the memory before the attack and its
    /// maximum, the good callers' calls without and under the attack, and further figures.
    pub(super) fn new(
        name: &'static str,
        [before, most]: [f64; 2],
        [quiet, attacked]: [Served; 2],
        notes: Vec<String>,
    ) -> Self {
        Self { name, before, most, quiet, attacked, notes, ended: None, memory: MAX_EXTRA_MIB, slower: MAX_P99_FACTOR }
    }

    /// Returns the lines of this row in the table.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self { name, before, most, quiet, attacked, .. } = self;
        let calls = format!("{} ({})", attacked.calls, attacked.errors);
        let times = |served: &Served| format!("{:.1} / {:.1}", served.millis(0.5), served.millis(0.99));
        let verdict = if self.broken().is_empty() { "yes" } else { "NO" };
        let row = format!(
            "{name:<20}{before:>10.1}{most:>10.1}{:>10.1}   {calls:>12}   {:>17}   {:>17}   {verdict}",
            self.more(),
            times(quiet),
            times(attacked)
        );
        let notes = self.notes.iter().chain(&attacked.first).chain(&self.ended);
        [row].into_iter().chain(notes.map(|note| format!("    {note}"))).collect()
    }

    /// Returns the growth of the services' memory under the attack, in MiB.
    pub fn more(&self) -> f64 {
        self.most - self.before
    }

    /// Returns each target that was missed.
    pub fn broken(&self) -> Vec<Broken> {
        let (errors, [before, under]) =
            (self.attacked.failed(), [&self.quiet, &self.attacked].map(|served| served.millis(0.99)));
        let mut broken = Vec::new();
        let mut miss = |promise, seen: String| broken.push(Broken::new(promise, format!("{}: {seen}", self.name)));
        if let Some(ended) = &self.ended {
            miss("a service survives the attack", ended.clone());
        }
        if self.more() > self.memory {
            miss("an attack costs at most 32 MiB, 10,000 connections 200 MiB", format!("{:.1} MiB", self.more()));
        }
        if errors > MAX_ERROR_SHARE {
            miss("at most 1 % of the good calls fail", format!("{:.1} %", errors * 100.0));
        }
        if under > (before * self.slower).max(NOISE_MILLIS) {
            let promise = "p99 of the good calls is at most 3 times as long, with hostile frames 2 times";
            miss(promise, format!("{under:.1} ms and not {before:.1} ms"));
        }
        broken
    }
}
