//! Counters of the guard's decisions.

use std::array;
use std::sync::Arc;

use super::counter::Counter;
use crate::rejection::Rejection;
use crate::status::reason_name;

/// A handle to the decision counters of one [`GuardLayer`](crate::GuardLayer), shared by all clones.
#[derive(Clone, Debug, Default)]
pub struct GuardMetrics(Arc<GuardCounters>);

#[derive(Debug)]
struct GuardCounters {
    allowed: Counter,
    denied: [Counter; Rejection::ALL.len()],
    ended: [Counter; Rejection::ALL.len()],
}

/// The number of calls that a guard refused or ended for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectionCount {
    /// The reason.
    pub rejection: Rejection,
    /// Number of calls.
    pub count: u64,
}

/// Decisions of a guard since its start. Requests that are not gRPC are not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardCounts {
    /// Admitted calls, including those of public methods and anonymous callers.
    pub allowed: u64,
    /// Refused calls by reason; every reason is listed.
    pub denied: Vec<RejectionCount>,
    /// Open calls that the guard ended, by reason; every reason is listed. The token became invalid, or there was no
    /// evidence.
    pub ended: Vec<RejectionCount>,
}

impl GuardMetrics {
    /// Returns the counts until now.
    pub fn read(&self) -> GuardCounts {
        let GuardCounters { allowed, denied, ended } = &*self.0;
        let by_cause = |counters: &[Counter]| {
            let counts = Rejection::ALL.into_iter().zip(counters.iter().map(Counter::get));
            counts.map(|(rejection, count)| RejectionCount { rejection, count }).collect()
        };
        GuardCounts { allowed: allowed.get(), denied: by_cause(denied), ended: by_cause(ended) }
    }

    /// Counts a decision.
    pub(crate) fn decided<T>(&self, decision: &Result<T, Rejection>) {
        match decision {
            Ok(_) => self.0.allowed.one(),
            Err(rejection) => self.0.denied[rejection.number()].one(),
        }
    }

    /// Counts the end of an open call.
    pub(crate) fn ended(&self, rejection: Rejection) {
        self.0.ended[rejection.number()].one();
    }
}

impl Default for GuardCounters {
    fn default() -> Self {
        let decided = |result, reason| {
            let help = "Calls that the guard admitted or refused";
            Counter::named("gatepost_guard_decisions_total", &[("result", result), ("reason", reason)], help)
        };
        let ended = |reason| {
            let help = "Open calls that the guard ended";
            Counter::named("gatepost_guard_ended_total", &[("reason", reason)], help)
        };
        let reason = |number: usize| reason_name(Rejection::ALL[number].reason());
        Self {
            allowed: decided("allow", ""),
            denied: array::from_fn(|number| decided("deny", reason(number))),
            ended: array::from_fn(|number| ended(reason(number))),
        }
    }
}
