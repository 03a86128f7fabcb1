//! Results of the faults as a table, and the broken promises.

use std::time::Duration;

use super::file::broken;
use super::{CheckResult, NamedFault, PROMISED_BOUND, RevocationFault};
use crate::drill::{Broken, Report};

/// The results of the trials under one fault.
#[derive(Clone, Debug)]
pub struct CheckedFault<F = RevocationFault> {
    /// Fault that was injected.
    pub fault: F,
    /// The results of all rounds.
    pub result: CheckResult,
    /// The longest time without an admitted call of a good token at a guard.
    pub outage: Duration,
}

/// Returns a table with one row for each fault. A fault with fewer than `trials` trials counts as a broken promise.
pub fn report<F: NamedFault>(checked: &[CheckedFault<F>], trials: usize) -> Report {
    let mut report = Report::default();
    report.lines.extend([
        "                                                            admitted after            closed, ms".to_owned(),
        format!(
            "{:<23}{:>7}{:>9}{:>9}{:>8}{:>8}{:>7}{:>6}{:>7}{:>7}{:>7}{:>13}",
            "fault",
            "trials",
            "calls",
            "> 2 s",
            "calls",
            "latest",
            ">1.5 s",
            ">2 s",
            "p50",
            "p99",
            "max",
            "UNAVAILABLE"
        ),
    ]);
    for CheckedFault { fault, result, .. } in checked {
        report.lines.push(row(*fault, result));
        report.broken.extend(broken(result).into_iter().map(|broken| broken.during(fault.name())));
        if result.trials < trials {
            let seen = format!("{}: {} trials of {trials}", fault.name(), result.trials);
            report.broken.push(Broken::new("revocations are acknowledged, and watched for two seconds", seen));
        }
    }
    let strict = checked.iter().map(|one| one.result.strict_calls).sum::<usize>();
    let disorder = checked.iter().map(|one| one.result.disorder.len()).sum::<usize>();
    report.row("checks at the revoking replica after the answer", strict);
    report.row("checks out of order, in all places", disorder);
    for CheckedFault { fault, outage, .. } in checked {
        report.row(&format!("worst outage of a client, {}", fault.name()), format!("{} ms", outage.as_millis()));
    }
    report.row("promise, after the acknowledgement", format!("{} ms", PROMISED_BOUND.as_millis()));
    report
}

fn row(fault: impl NamedFault, result: &CheckResult) -> String {
    let mut closed = result.closed.clone();
    closed.sort();
    let percentile = |percent: usize| {
        let index = (closed.len() * percent / 100).min(closed.len().saturating_sub(1));
        closed.get(index).copied().unwrap_or_default()
    };
    format!(
        "{:<23}{:>7}{:>9}{:>9}{:>8}{:>8}{:>7}{:>6}{:>7}{:>7}{:>7}{:>13}",
        fault.name(),
        result.trials,
        result.calls,
        result.late_calls,
        result.admitted,
        result.latest.as_millis(),
        result.beyond_proven,
        result.violations.len(),
        rounded(percentile(50)),
        rounded(percentile(99)),
        rounded(percentile(100)),
        result.unavailable,
    )
}

/// Formats a time in milliseconds, with one decimal digit below 100 ms.
fn rounded(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 100.0 { format!("{millis:.1}") } else { format!("{millis:.0}") }
}
