//! Outages that clients see, and the promises about them.

use std::time::Duration;

use tokio::time::Instant;

use super::PartitionFault;
use super::steady::{SteadyCall, worst_outage};
use crate::drill::revocation::NamedFault as _;
use crate::drill::{Broken, Report};

/// The calls around one fault.
pub(super) struct PartitionOutage {
    pub(super) fault: PartitionFault,
    /// Start of the fault.
    pub(super) begun: Instant,
    /// The last heal.
    pub(super) healed: Instant,
    pub(super) calls: Vec<SteadyCall>,
}

impl PartitionOutage {
    fn guarded(&self) -> impl Iterator<Item = &SteadyCall> {
        self.calls.iter().filter(|call| call.is_guarded)
    }

    fn public(&self) -> impl Iterator<Item = &SteadyCall> {
        self.calls.iter().filter(|call| !call.is_guarded)
    }

    /// Returns the last guarded call that failed after the heal.
    fn last_failure(&self) -> Option<&SteadyCall> {
        let failed = self.guarded().filter(|call| call.failure.is_some() && call.begun > self.healed);
        failed.max_by_key(|call| call.begun)
    }

    /// Returns the time from the heal to the last guarded call that failed.
    fn recovery(&self) -> Duration {
        self.last_failure().map_or(Duration::ZERO, |call| call.begun - self.healed)
    }

    /// Returns the promises that these calls break: guarded calls that begin later than `bound` after the heal succeed.
    fn broken(&self, bound: Duration) -> Vec<Broken> {
        let mut broken = Vec::new();
        if let Some(last) = self.last_failure().filter(|_| self.recovery() > bound) {
            let (name, took, length) = (self.fault.name(), self.recovery(), self.healed - self.begun);
            let failure = last.failure.as_deref().unwrap_or_default();
            let seen = format!("{name}, {} ms after a fault of {} ms: {failure}", took.as_millis(), length.as_millis());
            broken.push(Broken::new("guarded calls succeed from 1 s after the heal", seen));
        }
        if let Some(failed) = self.public().find(|call| call.failure.is_some()) {
            let failure = failed.failure.as_deref().unwrap_or_default();
            broken.push(Broken::new("public calls succeed", format!("{}: {failure}", self.fault.name())));
        }
        broken
    }
}

/// Adds a row of outages for each fault, and the broken promises.
pub(super) fn report(report: &mut Report, outages: &[PartitionOutage], bound: Duration) {
    report.lines.push(String::new());
    report
        .lines
        .push("                                       longest        worst outage of a client (pMax), ms".into());
    report.lines.push(format!(
        "{:<23}{:>7}{:>16}{:>16}{:>10}{:>24}{:>14}",
        "fault", "faults", "fault, ms", "guarded call", "public", "heal to last failure", "public failed"
    ));
    let mut faults: Vec<PartitionFault> = Vec::new();
    for outage in outages {
        if !faults.contains(&outage.fault) {
            faults.push(outage.fault);
        }
        report.broken.extend(outage.broken(bound));
    }
    for fault in faults {
        let of = || outages.iter().filter(|outage| outage.fault == fault);
        let most = |times: &mut dyn Iterator<Item = Duration>| times.max().unwrap_or_default().as_millis();
        report.lines.push(format!(
            "{:<23}{:>7}{:>16}{:>16}{:>10}{:>24}{:>14}",
            fault.name(),
            of().count(),
            most(&mut of().map(|outage| outage.healed - outage.begun)),
            most(&mut of().map(|outage| worst_outage(outage.guarded()))),
            most(&mut of().map(|outage| worst_outage(outage.public()))),
            most(&mut of().map(PartitionOutage::recovery)),
            of().flat_map(PartitionOutage::public).filter(|call| call.failure.is_some()).count(),
        ));
    }
}
