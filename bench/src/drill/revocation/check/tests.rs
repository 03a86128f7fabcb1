//! Histories that are known to keep or break the promise.

use tonic::Code;

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A revocation that is acknowledged by replica 0 ten seconds after the start.
const REVOKED: ObservedRevocation =
    ObservedRevocation { session: 7, replica: 0, begun: ms(9_990), acknowledged: Some(ms(10_000)) };

/// Returns a call of 5 ms with that session's token to the first guard, `begun` after the start.
const fn call(begun: u64, outcome: GuardedOutcome) -> ObservedCall {
    ObservedCall { session: 7, place: CheckPlace::Guard(0), begun: ms(begun), ended: ms(begun + 5), outcome }
}

/// Returns the same call at a replica.
const fn at(replica: usize, begun: u64, outcome: GuardedOutcome) -> ObservedCall {
    ObservedCall { place: CheckPlace::Replica(replica), ..call(begun, outcome) }
}

fn checked(calls: &[ObservedCall]) -> CheckResult {
    check(&[REVOKED], calls, 1)
}

/// Returns the broken rules about the order, in the order of the calls.
fn broken_rules(calls: &[ObservedCall]) -> Vec<OrderRule> {
    checked(calls).disorder.iter().map(|violation| violation.rule).collect()
}

use GuardedOutcome::{Admitted, Odd, Refused, Unavailable};

#[test]
fn planted_violation_is_found() {
    let planted = call(12_001, Admitted);
    let result = checked(&[call(9_000, Admitted), call(10_004, Refused), planted, call(12_500, Refused)]);
    assert_eq!(result.violations, [PromiseViolation { call: planted, late: ms(2_001) }]);
    assert_eq!((result.admitted, result.beyond_proven, result.latest), (1, 1, ms(2_001)));
}

#[test]
fn violation_among_many_is_found_in_any_order() {
    let mut calls: Vec<_> = (0..1_000).map(|at| call(10_001 + at * 3, Refused)).collect();
    calls.insert(0, call(12_900, Admitted));
    calls.reverse();
    assert_eq!(checked(&calls).violations.len(), 1);
}

#[test]
fn call_is_checked_by_its_start_not_its_end() {
    let long = ObservedCall { ended: ms(60_000), ..call(9_999, Admitted) };
    let result = checked(&[long]);
    assert_eq!((result.admitted, result.violations.len()), (0, 0));
    let begun_in_time = ObservedCall { ended: ms(60_000), ..call(11_900, Admitted) };
    let result = checked(&[begun_in_time]);
    assert_eq!((result.admitted, result.beyond_proven, result.violations.len()), (1, 1, 0));
}

#[test]
fn bounds_are_inclusive() {
    let result = checked(&[call(10_000, Admitted), call(11_500, Admitted), call(12_000, Admitted)]);
    assert_eq!((result.admitted, result.beyond_proven, result.late_calls), (2, 1, 0));
    assert!(result.violations.is_empty());
    let just_later = ObservedCall { begun: ms(12_000) + Duration::from_nanos(1), ..call(12_000, Admitted) };
    assert_eq!(checked(&[just_later]).violations.len(), 1);
}

#[test]
fn other_guards_and_sessions_do_not_count() {
    let elsewhere = ObservedCall { place: CheckPlace::Guard(1), ..call(12_600, Admitted) };
    assert_eq!(check(&[REVOKED], &[call(12_600, Refused), elsewhere], 2).violations.len(), 1);
    let alive = ObservedCall { session: 8, ..call(15_000, Admitted) };
    assert_eq!(checked(&[alive]).admitted, 0);
}

#[test]
fn unacknowledged_revocation_promises_nothing() {
    let result = check(&[], &[call(1, Admitted), call(20_000, Admitted)], 1);
    assert_eq!((result.calls, result.revocations, result.admitted), (2, 0, 0));
}

#[test]
fn trial_needs_a_call_before_and_after_at_each_guard() {
    let full = [call(9_000, Admitted), call(10_010, Refused), call(12_100, Unavailable)];
    assert_eq!(checked(&full).trials, 1);
    assert_eq!(check(&[REVOKED], &full, 2).trials, 0, "the second guard has no call");
    assert_eq!(checked(&full[1..]).trials, 0, "the guard never admitted the token");
    assert_eq!(checked(&full[..2]).trials, 0, "no call came later");
}

/// A guard closes at its first refusal after the last call that it admitted.
#[test]
fn guard_closes_at_the_first_refusal_after_the_last() {
    let calls = [
        call(9_000, Admitted),
        call(10_010, Unavailable),
        call(10_300, Admitted),
        call(10_400, Refused),
        call(12_100, Refused),
    ];
    let result = checked(&calls);
    assert_eq!(result.closed, [ms(405)]);
    assert_eq!((result.latest, result.unavailable), (ms(300), 1));
}

#[test]
fn slowest_guard_counts() {
    let one = [call(9_000, Admitted), call(10_010, Refused), call(12_100, Refused)];
    let other = [call(9_000, Admitted), call(10_090, Refused), call(12_100, Refused)];
    let calls: Vec<_> =
        one.into_iter().chain(other.map(|call| ObservedCall { place: CheckPlace::Guard(1), ..call })).collect();
    let result = check(&[REVOKED], &calls, 2);
    assert_eq!((result.trials, result.closed), (1, vec![ms(95)]));
}

#[test]
fn odd_answer_is_shown_and_sums_add_up() {
    let odd = call(10_100, Odd(Code::Internal));
    let mut sum = checked(&[odd]);
    sum.add(checked(&[call(10_700, Admitted), call(12_700, Admitted)]));
    assert_eq!(sum.odd, [odd]);
    assert_eq!((sum.revocations, sum.calls, sum.admitted, sum.violations.len()), (2, 3, 2, 1));
    assert_eq!(sum.latest, ms(2_700));
}

#[test]
fn stale_check_at_the_revoking_replica_is_found() {
    let planted = at(0, 10_001, Admitted);
    let result = checked(&[at(0, 9_000, Admitted), planted, at(0, 10_100, Refused)]);
    assert_eq!(result.disorder, [OrderViolation { rule: OrderRule::AfterAcknowledgement, call: planted }]);
    assert_eq!((result.violations.len(), result.strict_calls), (0, 2));
    assert!(!result.holds());
    // Another replica and a guard may be behind.
    assert!(checked(&[at(1, 10_001, Admitted), call(10_001, Admitted), at(1, 10_100, Refused)]).holds());
    // Before the acknowledgement the revoking replica may still admit the token, or already refuse it.
    assert!(checked(&[at(0, 9_989, Admitted), at(0, 10_000, Admitted), at(0, 9_996, Refused)]).holds());
}

#[test]
fn other_replica_has_the_promised_limit() {
    let result = checked(&[at(1, 11_999, Admitted), at(1, 12_001, Admitted)]);
    assert_eq!((result.violations.len(), result.disorder.len()), (1, 0));
}

#[test]
fn admission_after_a_refusal_is_found() {
    let planted = call(10_300, Admitted);
    let result = checked(&[call(9_000, Admitted), call(10_100, Refused), planted, call(10_700, Refused)]);
    assert_eq!(result.disorder, [OrderViolation { rule: OrderRule::AfterRefusal, call: planted }]);
    assert!(result.violations.is_empty() && !result.holds());
    // Also before the acknowledgement, at the revoking replica and without one.
    assert_eq!(broken_rules(&[at(0, 9_991, Refused), at(0, 9_998, Admitted)]), [OrderRule::AfterRefusal]);
    let unsure = ObservedRevocation { acknowledged: None, ..REVOKED };
    let result = check(&[unsure], &[call(10_100, Refused), call(30_000, Admitted)], 1);
    assert_eq!((result.disorder.len(), result.revocations), (1, 0));
    // Overlapping checks and checks in other places have no order.
    assert!(checked(&[call(10_100, Refused), call(10_105, Admitted), at(1, 10_300, Admitted)]).holds());
    // `UNAVAILABLE` is no decision.
    assert!(checked(&[call(10_100, Unavailable), call(10_300, Admitted)]).holds());
}

#[test]
fn refusal_before_the_revocation_is_found() {
    assert_eq!(broken_rules(&[call(9_984, Refused)]), [OrderRule::BeforeRevocation]);
    assert_eq!(broken_rules(&[at(0, 9_984, Refused)]), [OrderRule::BeforeRevocation]);
    assert!(checked(&[call(9_985, Refused)]).holds(), "the revocation may have begun");
    let never_revoked = ObservedCall { session: 8, ..call(20_000, Refused) };
    assert_eq!(broken_rules(&[never_revoked]), [OrderRule::BeforeRevocation]);
}

#[test]
fn first_of_two_revocations_counts() {
    let later = ObservedRevocation { begun: ms(10_500), acknowledged: Some(ms(20_000)), ..REVOKED };
    let elsewhere = ObservedRevocation { replica: 1, acknowledged: Some(ms(11_000)), ..REVOKED };
    let strict = |calls: &[ObservedCall]| check(&[later, elsewhere, REVOKED], calls, 1).disorder.len();
    assert_eq!(strict(&[at(0, 10_001, Admitted)]), 1);
    assert_eq!(strict(&[at(1, 10_900, Admitted)]), 0);
    assert_eq!(strict(&[at(1, 11_001, Admitted)]), 1);
    assert_eq!(strict(&[call(9_986, Refused)]), 0);
}
