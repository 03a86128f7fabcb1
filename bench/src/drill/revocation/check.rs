//! Checks a history of calls and revocations against the promises, without clock, socket or task.
//!
//! - At the replica that was asked for the revocation, a token is a linearizable register: live, then revoked. A check
//!   that begins after the acknowledgement is not admitted.
//! - Elsewhere a check may be behind, by at most two seconds.
//! - In each place, no check is admitted that begins after the end of a refused check.
//! - No check is refused that ends before a revocation begins.
//!
//! These four rules are equivalent to a search for an order of all operations (`check/search.rs`). A token has one
//! moment at which it dies, so the search for it is a comparison of two times.
//!
//! The start of a call at the client counts as the earliest possible time of the decision, and its end as the latest.
//! So an answer may be late for many reasons. Equal times prove no order.

use std::collections::HashMap;
use std::time::Duration;

use super::{CheckPlace, GuardedOutcome, ObservedCall, ObservedRevocation};

/// The promised limit: no call is admitted that starts later than this after an acknowledged revocation.
pub const PROMISED_BOUND: Duration = Duration::from_secs(2);

/// The proven limit if clocks run at the same speed: half a second for the auth service's view, and one second for the
/// guard's lease.
pub const PROVEN_BOUND: Duration = Duration::from_millis(1500);

/// A call that was admitted too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromiseViolation {
    /// The call.
    pub call: ObservedCall,
    /// Time from the acknowledgement to the start of the call.
    pub late: Duration,
}

/// A rule about the order of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderRule {
    /// A check at the revoking replica that begins after the acknowledgement is not admitted.
    AfterAcknowledgement,
    /// A check that begins after the end of a refused check in the same place is not admitted.
    AfterRefusal,
    /// A check that ends before the first revocation begins is not refused.
    BeforeRevocation,
}

impl OrderRule {
    /// Returns the rule as a sentence.
    pub fn promise(self) -> &'static str {
        match self {
            Self::AfterAcknowledgement => {
                "the revoking replica refuses a token once it has acknowledged the revocation"
            }
            Self::AfterRefusal => "no check that begins after a refused one is admitted in the same place",
            Self::BeforeRevocation => "no token is refused before its revocation",
        }
    }
}

/// A check that breaks a rule about the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderViolation {
    /// The broken rule.
    pub rule: OrderRule,
    /// The check.
    pub call: ObservedCall,
}

/// The results of one or several histories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckResult {
    /// Tokens whose revocation was acknowledged.
    pub revocations: usize,
    /// Such tokens that each guard had admitted before, and received again later than the promised limit.
    pub trials: usize,
    /// All checks.
    pub calls: usize,
    /// Checks of a token that had been revoked for longer than the promised limit.
    pub late_calls: usize,
    /// Checks at the revoking replica that began after the acknowledgement.
    pub strict_calls: usize,
    /// Checks that began after the acknowledgement and were admitted.
    pub admitted: usize,
    /// Time from the acknowledgement to the start of the last such check.
    pub latest: Duration,
    /// Admitted checks that began later than the proven limit.
    pub beyond_proven: usize,
    /// Admitted checks that began later than the promised limit.
    pub violations: Vec<PromiseViolation>,
    /// Checks that break a rule about the order.
    pub disorder: Vec<OrderViolation>,
    /// Time from the acknowledgement until all guards refused the token permanently, for each trial.
    pub closed: Vec<Duration>,
    /// Checks without a decision.
    pub unavailable: usize,
    /// Checks with an answer that they must never get.
    pub odd: Vec<ObservedCall>,
}

/// The revocations of one token.
#[derive(Clone, Default)]
struct TokenEnd {
    /// Start of the first revocation.
    begun: Duration,
    /// The first acknowledgement.
    acknowledged: Option<Duration>,
    /// The first acknowledgement of each replica.
    at_replica: HashMap<usize, Duration>,
}

/// The behavior of one place toward one token.
#[derive(Clone, Copy, Default)]
struct TokenAccess {
    /// Set if the token was admitted before the acknowledgement.
    was_open: bool,
    /// Set if the token was used later than the promised limit after the acknowledgement.
    was_watched: bool,
    /// Start of the last admitted call after the acknowledgement.
    last: Option<Duration>,
    /// The first refusal of a call after `last`.
    closed: Option<Duration>,
    /// End of the first refused check.
    refused: Option<Duration>,
}

/// Checks a history with this many guards.
pub fn check(revocations: &[ObservedRevocation], calls: &[ObservedCall], guards: usize) -> CheckResult {
    let ends = ends(revocations);
    let revoked = ends.values().filter(|end| end.acknowledged.is_some()).count();
    let mut result = CheckResult { revocations: revoked, calls: calls.len(), ..CheckResult::default() };
    let mut accesses: HashMap<(usize, CheckPlace), TokenAccess> = HashMap::new();
    for call in calls {
        let access = accesses.entry((call.session, call.place)).or_default();
        match call.outcome {
            GuardedOutcome::Unavailable => result.unavailable += 1,
            GuardedOutcome::Odd(_) => result.odd.push(*call),
            GuardedOutcome::Refused if access.refused.is_none_or(|ended| call.ended < ended) => {
                access.refused = Some(call.ended);
            }
            GuardedOutcome::Admitted | GuardedOutcome::Refused => {}
        }
        let Some(acknowledged) = ends.get(&call.session).and_then(|end| end.acknowledged) else { continue };
        // Equal times prove no order: the call may have begun before the acknowledgement.
        let Some(late) = call.begun.checked_sub(acknowledged).filter(|late| !late.is_zero()) else {
            access.was_open |= call.outcome == GuardedOutcome::Admitted;
            continue;
        };
        access.was_watched |= late > PROMISED_BOUND;
        result.late_calls += usize::from(late > PROMISED_BOUND);
        if call.outcome == GuardedOutcome::Admitted {
            access.last = access.last.max(Some(call.begun));
            result.count_admitted(*call, late);
        }
    }
    for call in calls.iter().filter(|call| call.outcome != GuardedOutcome::Admitted) {
        let Some(acknowledged) = ends.get(&call.session).and_then(|end| end.acknowledged) else { continue };
        let Some(access) = accesses.get_mut(&(call.session, call.place)) else { continue };
        let since = acknowledged.max(access.last.unwrap_or_default());
        if call.begun > since && access.closed.is_none_or(|closed| call.ended < closed) {
            access.closed = Some(call.ended);
        }
    }
    for call in calls {
        let refused = accesses.get(&(call.session, call.place)).and_then(|access| access.refused);
        result.check_order(*call, ends.get(&call.session), refused);
    }
    for (session, end) in &ends {
        let places = (0..guards).map(CheckPlace::Guard);
        let all: Vec<_> = places.filter_map(|guard| accesses.get(&(*session, guard))).collect();
        let is_trial = all.len() == guards && all.iter().all(|access| access.was_open && access.was_watched);
        if let Some(acknowledged) = end.acknowledged.filter(|_| is_trial) {
            result.trials += 1;
            // A guard that never refused the token has already been counted as a violation.
            let closed = all.iter().filter_map(|access| access.closed).max();
            result.closed.extend(closed.map(|closed| closed.saturating_sub(acknowledged)));
        }
    }
    result
}

/// Returns the end of each token with a revocation.
fn ends(revocations: &[ObservedRevocation]) -> HashMap<usize, TokenEnd> {
    let mut ends: HashMap<usize, TokenEnd> = HashMap::new();
    for one in revocations {
        let end = ends.entry(one.session).or_insert_with(|| TokenEnd { begun: one.begun, ..TokenEnd::default() });
        end.begun = end.begun.min(one.begun);
        if let Some(acknowledged) = one.acknowledged {
            end.acknowledged = Some(end.acknowledged.map_or(acknowledged, |first| first.min(acknowledged)));
            let first = end.at_replica.entry(one.replica).or_insert(acknowledged);
            *first = acknowledged.min(*first);
        }
    }
    ends
}

impl CheckResult {
    fn count_admitted(&mut self, call: ObservedCall, late: Duration) {
        self.admitted += 1;
        self.latest = self.latest.max(late);
        self.beyond_proven += usize::from(late > PROVEN_BOUND);
        if late > PROMISED_BOUND {
            self.violations.push(PromiseViolation { call, late });
        }
    }

    /// Checks the order of one call. `refused` is the end of the first refused check in the same place.
    fn check_order(&mut self, call: ObservedCall, end: Option<&TokenEnd>, refused: Option<Duration>) {
        let strictly_dead = match (call.place, end) {
            (CheckPlace::Replica(replica), Some(end)) => end.at_replica.get(&replica).copied(),
            _ => None,
        };
        let is_strict = strictly_dead.is_some_and(|acknowledged| call.begun > acknowledged);
        self.strict_calls += usize::from(is_strict);
        let broken = match call.outcome {
            GuardedOutcome::Admitted if is_strict => Some(OrderRule::AfterAcknowledgement),
            GuardedOutcome::Admitted if refused.is_some_and(|ended| call.begun > ended) => {
                Some(OrderRule::AfterRefusal)
            }
            GuardedOutcome::Refused if end.is_none_or(|end| call.ended < end.begun) => {
                Some(OrderRule::BeforeRevocation)
            }
            _ => None,
        };
        self.disorder.extend(broken.map(|rule| OrderViolation { rule, call }));
    }

    /// Returns `true` if no check breaks a promise.
    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.disorder.is_empty() && self.odd.is_empty()
    }

    /// Adds the results of another history.
    pub fn add(&mut self, other: Self) {
        self.revocations += other.revocations;
        self.trials += other.trials;
        self.calls += other.calls;
        self.late_calls += other.late_calls;
        self.strict_calls += other.strict_calls;
        self.admitted += other.admitted;
        self.latest = self.latest.max(other.latest);
        self.beyond_proven += other.beyond_proven;
        self.violations.extend(other.violations);
        self.disorder.extend(other.disorder);
        self.closed.extend(other.closed);
        self.unavailable += other.unavailable;
        self.odd.extend(other.odd);
    }
}

#[cfg(test)]
mod search;
#[cfg(test)]
mod tests;
