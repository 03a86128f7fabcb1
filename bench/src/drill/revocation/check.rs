//! Checks a history of calls and revocations against the promise, without clock, socket or task.
//!
//! The start of a call at the client counts, the earliest possible time of the guard's decision. The end does not
//! count. An answer may be late for many reasons, and a call that was admitted before the revocation may end at any
//! time.

use std::collections::HashMap;
use std::time::Duration;

use tonic::Code;

/// The promised limit: no call is admitted that starts later than this after an acknowledged revocation.
pub const PROMISED_BOUND: Duration = Duration::from_secs(2);

/// The proven limit if clocks run at the same speed: half a second for the auth service's view, and one second for the
/// guard's lease.
pub const PROVEN_BOUND: Duration = Duration::from_millis(1500);

/// The outcome of a guarded call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardedOutcome {
    /// The guard admitted the call.
    Admitted,
    /// The guard refused the token.
    Refused,
    /// The guard could not check the token, or there was no answer.
    Unavailable,
    /// Another answer, which a guarded call must never get.
    Odd(Code),
}

/// A call, in times since the drill's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedCall {
    /// Number of the token's session.
    pub session: usize,
    /// Number of the guard.
    pub guard: usize,
    /// Start of the call at the client.
    pub begun: Duration,
    /// Arrival of the answer at the client.
    pub ended: Duration,
    /// The outcome.
    pub outcome: GuardedOutcome,
}

/// A revocation that has been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Number of the revoked session.
    pub session: usize,
    /// Arrival of the acknowledgement at the client.
    pub acknowledged: Duration,
}

/// A call that was admitted too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromiseViolation {
    /// The call.
    pub call: ObservedCall,
    /// Time from the acknowledgement to the start of the call.
    pub late: Duration,
}

/// The results of one or several histories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckResult {
    /// Revocations that were acknowledged.
    pub revocations: usize,
    /// Revocations whose token each guard had admitted before, and received again later than the promised limit.
    pub trials: usize,
    /// All calls.
    pub calls: usize,
    /// Calls with a token that had been revoked for longer than the promised limit.
    pub late_calls: usize,
    /// Calls that began after the acknowledgement and were admitted.
    pub admitted: usize,
    /// Time from the acknowledgement to the start of the last such call.
    pub latest: Duration,
    /// Admitted calls that began later than the proven limit.
    pub beyond_proven: usize,
    /// Admitted calls that began later than the promised limit.
    pub violations: Vec<PromiseViolation>,
    /// Time from the acknowledgement until all guards refused the token permanently, for each trial.
    pub closed: Vec<Duration>,
    /// Calls whose token could not be checked.
    pub unavailable: usize,
    /// Calls with an answer that a guarded call must never get.
    pub odd: Vec<ObservedCall>,
}

/// The behavior of one guard toward one token.
#[derive(Clone, Copy, Default)]
struct TokenAccess {
    /// Set if the guard admitted the token before the acknowledgement.
    was_open: bool,
    /// Set if the token was used later than the promised limit after the acknowledgement.
    was_watched: bool,
    /// Start of the last admitted call after the acknowledgement.
    last: Option<Duration>,
    /// The first refusal of a call after `last`.
    closed: Option<Duration>,
}

/// Checks a history of calls to this many guards.
pub fn check(revoked: &[Revoked], calls: &[ObservedCall], guards: usize) -> CheckResult {
    let acknowledged: HashMap<_, _> = revoked.iter().map(|one| (one.session, one.acknowledged)).collect();
    let mut result = CheckResult { revocations: acknowledged.len(), calls: calls.len(), ..CheckResult::default() };
    let mut accesses: HashMap<(usize, usize), TokenAccess> = HashMap::new();
    for call in calls {
        match call.outcome {
            GuardedOutcome::Unavailable => result.unavailable += 1,
            GuardedOutcome::Odd(_) => result.odd.push(*call),
            GuardedOutcome::Admitted | GuardedOutcome::Refused => {}
        }
        let Some(acknowledged) = acknowledged.get(&call.session) else { continue };
        let access = accesses.entry((call.session, call.guard)).or_default();
        // Equal times prove no order: the call may have begun before the acknowledgement.
        let Some(late) = call.begun.checked_sub(*acknowledged).filter(|late| !late.is_zero()) else {
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
        let Some(access) = accesses.get_mut(&(call.session, call.guard)) else { continue };
        let since = acknowledged[&call.session].max(access.last.unwrap_or_default());
        if call.begun > since && access.closed.is_none_or(|closed| call.ended < closed) {
            access.closed = Some(call.ended);
        }
    }
    for one in revoked {
        let all: Vec<_> = (0..guards).filter_map(|guard| accesses.get(&(one.session, guard))).collect();
        if all.len() == guards && all.iter().all(|access| access.was_open && access.was_watched) {
            result.trials += 1;
            // A guard that never refused the token has already been counted as a violation.
            let closed = all.iter().filter_map(|access| access.closed).max();
            result.closed.extend(closed.map(|closed| closed.saturating_sub(one.acknowledged)));
        }
    }
    result
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

    /// Adds the results of another history.
    pub fn add(&mut self, other: Self) {
        self.revocations += other.revocations;
        self.trials += other.trials;
        self.calls += other.calls;
        self.late_calls += other.late_calls;
        self.admitted += other.admitted;
        self.latest = self.latest.max(other.latest);
        self.beyond_proven += other.beyond_proven;
        self.violations.extend(other.violations);
        self.closed.extend(other.closed);
        self.unavailable += other.unavailable;
        self.odd.extend(other.odd);
    }
}

#[cfg(test)]
mod tests;
