//! What is counted of the guard's decisions.

use std::array;
use std::sync::Arc;

use super::counter::Counter;
use crate::refusal::Refusal;
use crate::status::reason_name;

/// Counts the decisions of one [`GuardLayer`](crate::GuardLayer); clones are the same.
#[derive(Clone, Debug, Default)]
pub struct GuardMetrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    allowed: Counter,
    denied: [Counter; Refusal::ALL.len()],
    ended: [Counter; Refusal::ALL.len()],
}

/// What a guard has decided since its start. A request that is no gRPC is not decided about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardCounts {
    /// Calls that were let in, those of public methods and of anonymous callers included.
    pub allowed: u64,
    /// Calls that were refused, by the cause; each cause is there.
    pub denied: Vec<(Refusal, u64)>,
    /// Calls that had been let in and were ended, since their tokens are good no more or nobody could say so; each cause
    /// is there.
    pub ended: Vec<(Refusal, u64)>,
}

impl GuardMetrics {
    /// The numbers until now.
    pub fn read(&self) -> GuardCounts {
        let Counters { allowed, denied, ended } = &*self.0;
        let by_cause = |counters: &[Counter]| Refusal::ALL.into_iter().zip(counters.iter().map(Counter::get)).collect();
        GuardCounts { allowed: allowed.get(), denied: by_cause(denied), ended: by_cause(ended) }
    }

    /// A call has been decided about.
    pub(crate) fn decided<T>(&self, decision: &Result<T, Refusal>) {
        match decision {
            Ok(_) => self.0.allowed.one(),
            Err(refusal) => self.0.denied[refusal.number()].one(),
        }
    }

    /// A call that was open has been ended.
    pub(crate) fn ended(&self, refusal: Refusal) {
        self.0.ended[refusal.number()].one();
    }
}

impl Default for Counters {
    fn default() -> Self {
        let decided = |result, reason| {
            let help = "Calls that the guard has let in or refused";
            Counter::named("gatepost_guard_decisions_total", &[("result", result), ("reason", reason)], help)
        };
        let ended = |reason| {
            let help = "Calls that were let in and ended by the guard while they were open";
            Counter::named("gatepost_guard_ended_total", &[("reason", reason)], help)
        };
        let reason = |number: usize| reason_name(Refusal::ALL[number].reason());
        Self {
            allowed: decided("allow", ""),
            denied: array::from_fn(|number| decided("deny", reason(number))),
            ended: array::from_fn(|number| ended(reason(number))),
        }
    }
}
