//! Faults that are over, and the check of the promises against the history.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tonic::Code;

use super::{Broken, Operation, RecordedCall, Report};

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
    report.answers(calls);
}
