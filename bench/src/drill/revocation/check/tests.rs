//! Histories that are known to keep or break the promise.

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Acknowledged ten seconds after the start.
const REVOKED: Revoked = Revoked { session: 7, acknowledged: ms(10_000) };

/// Returns a call of 5 ms with that session's token to the first guard, `begun` after the start.
const fn call(begun: u64, outcome: GuardedOutcome) -> Seen {
    Seen { session: 7, guard: 0, begun: ms(begun), ended: ms(begun + 5), outcome }
}

fn judged(calls: &[Seen]) -> Judgement {
    judge(&[REVOKED], calls, 1)
}

use GuardedOutcome::{Admitted, Odd, Refused, Unavailable};

#[test]
fn planted_violation_is_found() {
    let planted = call(12_001, Admitted);
    let judgement = judged(&[call(9_000, Admitted), call(10_004, Refused), planted, call(12_500, Refused)]);
    assert_eq!(judgement.violations, [PromiseViolation { call: planted, late: ms(2_001) }]);
    assert_eq!((judgement.let_in, judgement.beyond_proven, judgement.latest), (1, 1, ms(2_001)));
}

#[test]
fn violation_among_many_is_found_in_any_order() {
    let mut calls: Vec<_> = (0..1_000).map(|at| call(10_001 + at * 3, Refused)).collect();
    calls.insert(0, call(12_900, Admitted));
    calls.reverse();
    assert_eq!(judged(&calls).violations.len(), 1);
}

#[test]
fn call_is_judged_by_its_start_not_its_end() {
    let long = Seen { ended: ms(60_000), ..call(9_999, Admitted) };
    let judgement = judged(&[long]);
    assert_eq!((judgement.let_in, judgement.violations.len()), (0, 0));
    let begun_in_time = Seen { ended: ms(60_000), ..call(11_900, Admitted) };
    let judgement = judged(&[begun_in_time]);
    assert_eq!((judgement.let_in, judgement.beyond_proven, judgement.violations.len()), (1, 1, 0));
}

#[test]
fn bounds_are_inclusive() {
    let judgement = judged(&[call(10_000, Admitted), call(11_500, Admitted), call(12_000, Admitted)]);
    assert_eq!((judgement.let_in, judgement.beyond_proven, judgement.late_calls), (2, 1, 0));
    assert!(judgement.violations.is_empty());
    let just_later = Seen { begun: ms(12_000) + Duration::from_nanos(1), ..call(12_000, Admitted) };
    assert_eq!(judged(&[just_later]).violations.len(), 1);
}

#[test]
fn other_guards_and_sessions_do_not_count() {
    let elsewhere = Seen { guard: 1, ..call(12_600, Admitted) };
    assert_eq!(judge(&[REVOKED], &[call(12_600, Refused), elsewhere], 2).violations.len(), 1);
    let alive = Seen { session: 8, ..call(15_000, Admitted) };
    assert_eq!(judged(&[alive]).let_in, 0);
}

#[test]
fn unacknowledged_revocation_promises_nothing() {
    let judgement = judge(&[], &[call(1, Admitted), call(20_000, Admitted)], 1);
    assert_eq!((judgement.calls, judgement.revocations, judgement.let_in), (2, 0, 0));
}

#[test]
fn trial_needs_a_call_before_and_after_at_each_guard() {
    let full = [call(9_000, Admitted), call(10_010, Refused), call(12_100, Unavailable)];
    assert_eq!(judged(&full).trials, 1);
    assert_eq!(judge(&[REVOKED], &full, 2).trials, 0, "the second guard has no call");
    assert_eq!(judged(&full[1..]).trials, 0, "the guard never admitted the token");
    assert_eq!(judged(&full[..2]).trials, 0, "no call came later");
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
    let judgement = judged(&calls);
    assert_eq!(judgement.closed, [ms(405)]);
    assert_eq!((judgement.latest, judgement.unavailable), (ms(300), 1));
}

#[test]
fn slowest_guard_counts() {
    let one = [call(9_000, Admitted), call(10_010, Refused), call(12_100, Refused)];
    let other = [call(9_000, Admitted), call(10_090, Refused), call(12_100, Refused)];
    let calls: Vec<_> = one.into_iter().chain(other.map(|call| Seen { guard: 1, ..call })).collect();
    let judgement = judge(&[REVOKED], &calls, 2);
    assert_eq!((judgement.trials, judgement.closed), (1, vec![ms(95)]));
}

#[test]
fn odd_answer_is_shown_and_sums_add_up() {
    let odd = call(10_100, Odd(Code::Internal));
    let mut sum = judged(&[odd]);
    sum.add(judged(&[call(10_700, Admitted), call(12_700, Admitted)]));
    assert_eq!(sum.odd, [odd]);
    assert_eq!((sum.revocations, sum.calls, sum.let_in, sum.violations.len()), (2, 3, 2, 1));
    assert_eq!(sum.latest, ms(2_700));
}
