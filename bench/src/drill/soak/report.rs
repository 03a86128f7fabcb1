//! The figures of a soak, and its broken promises.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::SoakPlan;
use super::call::{CallGroup, SoakCall};
use super::sampler::ProcessFigures;
use super::tally::{Successes, Tally};
use crate::Failure;
use crate::drill::revocation::CheckResult;
use crate::drill::{Broken, Report};
use crate::machine::MachineFacts;

/// Number of broken promises that are kept.
const KEPT_PROMISES: usize = 40;

/// The broken promises of a run: the first ones, and the number of all.
#[derive(Debug, Default)]
pub(super) struct Promises(Mutex<BrokenPromises>);

#[derive(Clone, Debug, Default)]
pub(super) struct BrokenPromises {
    pub(super) first: Vec<Broken>,
    pub(super) count: u64,
}

impl Promises {
    pub(super) fn add(&self, broken: impl IntoIterator<Item = Broken>) {
        let mut promises = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for one in broken {
            promises.count += 1;
            if promises.first.len() < KEPT_PROMISES {
                promises.first.push(one);
            }
        }
    }

    pub(super) fn miss(&self, promise: &'static str, seen: impl Into<String>) {
        self.add([Broken::new(promise, seen)]);
    }

    /// Notes a failure of the drill itself.
    pub(super) fn fail(&self, failure: &Failure) {
        self.miss("the drill itself works", failure.to_string());
    }

    pub(super) fn get(&self) -> BrokenPromises {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Figures of a kind of call.
#[derive(Clone, Debug, Serialize)]
struct CallFigures {
    call: SoakCall,
    outside: Successes,
    inside: Successes,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// The longest time without a success.
#[derive(Clone, Debug, Serialize)]
struct OutageFigures {
    /// Name of the fault; `none` outside faults.
    fault: String,
    group: CallGroup,
    worst_ms: u64,
}

/// Figures of the revoked tokens.
#[derive(Clone, Copy, Debug, Serialize)]
struct RevocationFigures {
    acknowledged: usize,
    checks: usize,
    checks_later_than_2_s: usize,
    checks_at_the_revoking_replica: usize,
    latest_admitted_ms: u128,
}

/// Figures of the writes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct WriteFigures {
    /// Posts whose content was compared at the end.
    pub(super) posts: usize,
    /// Creations that were never answered.
    pub(super) unanswered: usize,
    /// Comparisons of all posts during the run.
    pub(super) sweeps: u64,
}

/// The result of a run.
#[derive(Debug, Serialize)]
pub struct SoakReport {
    schema: u32,
    #[serde(flatten)]
    machine: MachineFacts,
    plan: SoakPlan,
    seconds: f64,
    is_complete: bool,
    outside: Successes,
    inside: Successes,
    shed: u64,
    faults: BTreeMap<String, u64>,
    calls: Vec<CallFigures>,
    outages: Vec<OutageFigures>,
    processes: Vec<ProcessFigures>,
    revocations: RevocationFigures,
    writes: WriteFigures,
    answers: BTreeMap<String, u64>,
    failures_outside_faults: Vec<String>,
    broken_count: u64,
    broken: Vec<String>,
}

/// The parts of a report.
pub(super) struct RunParts<'a> {
    pub(super) machine: MachineFacts,
    pub(super) plan: SoakPlan,
    pub(super) seconds: f64,
    pub(super) tally: &'a Tally,
    pub(super) faults: BTreeMap<String, u64>,
    pub(super) processes: Vec<ProcessFigures>,
    pub(super) revocations: &'a CheckResult,
    pub(super) writes: WriteFigures,
    pub(super) promises: &'a Promises,
}

impl SoakReport {
    pub(super) fn new(parts: RunParts<'_>) -> Self {
        let RunParts { machine, plan, seconds, tally, faults, processes, revocations, writes, promises } = parts;
        let (outside, inside) = (tally.sum(|kind| kind.outside), tally.sum(|kind| kind.inside));
        if outside.share() < plan.min_success || outside.good == 0 {
            promises.miss("99.95 % of the calls succeed outside faults", outside.text());
        }
        for grows in processes.iter().flat_map(|process| &process.grows) {
            promises.miss("memory and descriptors do not grow", grows.clone());
        }
        let is_complete = seconds >= plan.length.as_secs_f64();
        if is_complete && (revocations.revocations == 0 || revocations.late_calls == 0) {
            promises.miss("revoked tokens are watched", format!("{} late checks", revocations.late_calls));
        }
        let calls = tally.kinds.iter().map(|(call, kind)| CallFigures {
            call: *call,
            outside: kind.outside,
            inside: kind.inside,
            p50_ms: kind.millis(0.5),
            p99_ms: kind.millis(0.99),
            max_ms: kind.millis(1.0),
        });
        let outages = tally.worst.iter().map(|(cause, worst)| OutageFigures {
            fault: cause.fault.map_or_else(|| "none".to_owned(), super::SoakFault::name),
            group: cause.group,
            worst_ms: u64::try_from(worst.as_millis()).unwrap_or(u64::MAX),
        });
        let broken = promises.get();
        Self {
            schema: 1,
            machine,
            plan,
            seconds,
            is_complete,
            outside,
            inside,
            shed: tally.shed,
            faults,
            calls: calls.collect(),
            outages: outages.collect(),
            processes,
            revocations: RevocationFigures {
                acknowledged: revocations.revocations,
                checks: revocations.calls,
                checks_later_than_2_s: revocations.late_calls,
                checks_at_the_revoking_replica: revocations.strict_calls,
                latest_admitted_ms: revocations.latest.as_millis(),
            },
            writes,
            answers: tally.answers.clone(),
            failures_outside_faults: tally.failures.clone(),
            broken_count: broken.count,
            broken: broken.first.iter().map(ToString::to_string).collect(),
        }
    }

    /// Returns the number of broken promises.
    pub fn broken(&self) -> u64 {
        self.broken_count
    }

    /// Returns the number of faults that happened.
    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Returns the number of calls that succeeded outside faults.
    pub fn good_calls(&self) -> u64 {
        self.outside.good
    }

    /// Returns the table.
    pub fn text(&self) -> String {
        let mut report = Report::default();
        let planned = self.plan.length.as_secs();
        report.row("seconds of load, planned", format!("{:.0}, {planned}", self.seconds));
        report.row("database", format!("{:?}", self.plan.database));
        report.row("calls that succeeded outside faults", self.outside.text());
        report.row("calls that succeeded in faults", self.inside.text());
        report.row("arrivals without a call", self.shed);
        let faults = self.faults.iter().map(|(fault, count)| format!("{fault} {count}")).collect::<Vec<_>>();
        report.row("faults", if faults.is_empty() { "none".to_owned() } else { faults.join(", ") });
        let RevocationFigures { acknowledged, checks, checks_later_than_2_s, latest_admitted_ms, .. } =
            self.revocations;
        report.row("revocations, checks, later than 2 s", format!("{acknowledged}, {checks}, {checks_later_than_2_s}"));
        let strict = self.revocations.checks_at_the_revoking_replica;
        report.row("checks at the revoking replica after the answer", strict);
        report.row("latest admitted check after an answer", format!("{latest_admitted_ms} ms"));
        let WriteFigures { posts, unanswered, sweeps } = self.writes;
        report.row("posts at the end, unanswered, comparisons", format!("{posts}, {unanswered}, {sweeps}"));
        report.lines.push(format!(
            "\n{:<14}{:>9}{:>8}{:>9}{:>8}{:>9}{:>9}{:>9}",
            "call", "outside", "failed", "in fault", "failed", "p50 ms", "p99 ms", "max ms"
        ));
        for CallFigures { call, outside, inside, p50_ms, p99_ms, max_ms } in &self.calls {
            let call = format!("{call:?}");
            report.lines.push(format!(
                "{call:<14}{:>9}{:>8}{:>9}{:>8}{p50_ms:>9.1}{p99_ms:>9.1}{max_ms:>9.0}",
                outside.good + outside.failed,
                outside.failed,
                inside.good + inside.failed,
                inside.failed,
            ));
        }
        report.lines.extend(self.outage_lines());
        report.lines.push(format!(
            "\n{:<10}{:>6}{:>9}{:>10}{:>10}{:>11}{:>13}{:>6}{:>12}",
            "process", "lives", "samples", "peak MiB", "last MiB", "longest s", "MiB an hour", "fd", "fd an hour"
        ));
        for process in &self.processes {
            let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2}"));
            let (memory, descriptors) = (rate(process.memory_mib_per_hour), rate(process.descriptors_per_hour));
            report.lines.push(format!(
                "{:<10}{:>6}{:>9}{:>10.1}{:>10.1}{:>11}{memory:>13}{:>6}{descriptors:>12}",
                process.process,
                process.lives,
                process.samples,
                process.peak_mib,
                process.last_mib,
                process.longest_seconds,
                process.last_descriptors,
            ));
        }
        if !self.answers.is_empty() {
            report.lines.push("\nfailed calls".into());
            report.lines.extend(self.answers.iter().map(|(answer, count)| format!("{count:>7} {answer}")));
        }
        if !self.failures_outside_faults.is_empty() {
            report.lines.push("\nfirst failures outside faults".into());
            report.lines.extend(self.failures_outside_faults.iter().map(|failure| format!("  {failure}")));
        }
        report.lines.push(String::new());
        report.lines.extend(self.broken.iter().map(|broken| format!("BROKEN: {broken}")));
        match self.broken_count {
            0 => report.lines.push("all promises held".into()),
            count => report.lines.push(format!("promises were broken {count} times")),
        }
        report.lines.join("\n")
    }

    /// Returns the worst outages: a line for each fault, a column for each group of calls.
    fn outage_lines(&self) -> Vec<String> {
        const GROUPS: [CallGroup; 5] = [
            CallGroup::AuthReads,
            CallGroup::AuthWrites,
            CallGroup::GuardedReads,
            CallGroup::GuardedWrites,
            CallGroup::PublicReads,
        ];
        let mut lines = vec!["\nworst outage of a client that stays with one process, in ms".to_owned()];
        let names: Vec<_> = GROUPS.iter().map(|group| format!("{:>26}", group.name())).collect();
        lines.push(format!("{:<17}{}", "fault", names.join(" ")));
        let mut faults: Vec<_> = self.outages.iter().map(|outage| outage.fault.as_str()).collect();
        faults.sort_unstable();
        faults.dedup();
        for fault in faults {
            let worst = |group: &CallGroup| {
                let found = self.outages.iter().find(|outage| outage.fault == fault && outage.group == *group);
                format!("{:>26}", found.map_or_else(|| "-".to_owned(), |found| found.worst_ms.to_string()))
            };
            lines.push(format!("{fault:<17}{}", GROUPS.iter().map(worst).collect::<Vec<_>>().join(" ")));
        }
        lines
    }
}
