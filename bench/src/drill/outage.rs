//! Faults that are over, and the check of the promises against the history.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tonic::Code;

use super::{Broken, Operation, OutageMeter, RecordedCall, Report};

/// The longest time from the deadline of a call to its end.
const MAX_LATENESS: Duration = Duration::from_millis(100);

/// A fault that is over.
#[derive(Clone, Debug)]
pub struct Outage {
    /// Name of the fault.
    pub fault: String,
    /// Start of the fault.
    pub at: Instant,
    /// End of the fault: the service or disk is back.
    pub back: Instant,
}

/// A fault with its recovery.
#[derive(Clone, Debug)]
pub(super) struct FaultRound {
    pub(super) outage: Outage,
    pub(super) broken: Vec<Broken>,
}

/// Adds the outcomes and times of the calls, and for each fault the time from its end to the first success.
pub(super) fn check(
    report: &mut Report,
    calls: &[RecordedCall],
    outages: &[Outage],
    operations: &[Operation],
    bound: Duration,
) {
    report.broken.extend(calls.iter().filter_map(|call| {
        let length = call.ended - call.begun;
        let seen = || format!("{:?} ({}): {} ms", call.operation, call.answer, length.as_millis());
        (length > call.operation.deadline() + MAX_LATENESS)
            .then(|| Broken::new("each call ends at most 100 ms after its deadline", seen()))
    }));
    let mut times: BTreeMap<(&str, bool), Vec<Duration>> = BTreeMap::new();
    for outage in outages {
        let since = &calls[calls.partition_point(|call| call.ended < outage.back)..];
        for operation in operations {
            let success = since.iter().find(|call| call.operation == *operation && call.answer.code == Code::Ok);
            let Some(success) = success else { continue };
            let took = success.ended - outage.back;
            times.entry((&outage.fault, operation.writes())).or_default().push(took);
            if took > bound {
                let seen = format!("{}, {operation:?}: {} ms", outage.fault, took.as_millis());
                report.broken.push(Broken::new("each operation succeeds within the time limit after a fault", seen));
            }
        }
    }
    for ((fault, writes), times) in times {
        let kind = if writes { "writes" } else { "reads" };
        report.times(&format!("end of the fault to first success, {fault}, {kind}"), times);
    }
    for ((fault, writes), worst) in worst_outages(calls, outages) {
        let kind = if writes { "writes" } else { "reads" };
        report.row(&format!("worst outage of a client, {fault}, {kind}"), format!("{} ms", worst.as_millis()));
    }
    report.answers(calls);
}

/// Returns the longest time without a success of a kind of call, for each fault, for reads and for writes. The time
/// includes the fault itself.
fn worst_outages<'a>(calls: &[RecordedCall], outages: &'a [Outage]) -> BTreeMap<(&'a str, bool), Duration> {
    let (mut worst, mut meter) = (BTreeMap::new(), OutageMeter::default());
    let Some(origin) = calls.iter().map(|call| call.begun).min() else { return worst };
    for call in calls.iter().filter(|call| call.answer.code == Code::Ok) {
        let Some(before) = meter.success(call.operation, call.ended - origin) else { continue };
        // The last fault that began before this success, if it ended after the success before.
        let fault = outages[..outages.partition_point(|outage| outage.at < call.ended)].last();
        if let Some(fault) = fault.filter(|fault| fault.back > origin + before) {
            let longest = worst.entry((fault.fault.as_str(), call.operation.writes())).or_insert(Duration::ZERO);
            *longest = call.ended.duration_since(origin + before).max(*longest);
        }
    }
    worst
}

/// Returns the longest time between the ends of two successful calls of the same kind. The end of the last call counts as
/// a success.
pub(super) fn outages_of(calls: &[RecordedCall]) -> OutageMeter<Operation> {
    let mut meter = OutageMeter::default();
    let Some(origin) = calls.iter().map(|call| call.begun).min() else { return meter };
    for call in calls.iter().filter(|call| call.answer.code == Code::Ok) {
        meter.success(call.operation, call.ended - origin);
    }
    meter.end(calls.iter().map(|call| call.ended - origin).max().unwrap_or_default());
    meter
}
