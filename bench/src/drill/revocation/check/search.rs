//! A second way to judge a history: the search for an order of all operations that explains each answer.

use super::*;
use crate::drill::Random;
use crate::drill::revocation::ObservedRevocation;

/// Number of random histories, and the largest number of checks in one.
const HISTORIES: usize = 40_000;
const MAX_CHECKS: u64 = 4;

/// Step of the random times. Four steps are the promised limit.
const STEP: Duration = Duration::from_millis(500);

/// One operation, in steps.
#[derive(Clone, Copy, Debug)]
struct Operation {
    begun: u64,
    /// The latest time of its effect; `None` for a revocation that may never take effect.
    latest: Option<u64>,
    /// Answer of a check; `None` for a revocation.
    outcome: Option<GuardedOutcome>,
}

/// Returns `true` if an order of the operations explains each answer: a check before the first revocation is admitted,
/// and a check after it is refused.
fn is_explained(left: &[Operation], is_revoked: bool) -> bool {
    if left.iter().all(|operation| operation.latest.is_none()) {
        return true;
    }
    (0..left.len()).any(|index| {
        let next = left[index];
        let must_wait = left.iter().any(|other| other.latest.is_some_and(|latest| latest < next.begun));
        let fits = match next.outcome {
            Some(GuardedOutcome::Admitted) => !is_revoked,
            Some(GuardedOutcome::Refused) => is_revoked,
            _ => true,
        };
        let rest: Vec<_> = left[..index].iter().chain(&left[index + 1..]).copied().collect();
        !must_wait && fits && is_explained(&rest, is_revoked || next.outcome.is_none())
    })
}

/// A random history of one token in one place.
struct SmallHistory {
    place: CheckPlace,
    revocations: Vec<ObservedRevocation>,
    calls: Vec<ObservedCall>,
    operations: Vec<Operation>,
}

fn steps(count: u64) -> Duration {
    STEP * u32::try_from(count).unwrap()
}

impl SmallHistory {
    fn random(random: &mut Random) -> Self {
        let place = random.one_of(&[CheckPlace::Replica(0), CheckPlace::Replica(1), CheckPlace::Guard(0)]);
        let mut history = Self { place, revocations: Vec::new(), calls: Vec::new(), operations: Vec::new() };
        for _ in 0..random.number() % 3 {
            let (begun, length) = (random.number() % 8, random.number() % 4);
            let (replica, is_acknowledged) = (random.one_of(&[0, 1]), !random.number().is_multiple_of(4));
            let acknowledged = is_acknowledged.then_some(begun + length);
            history.revocations.push(ObservedRevocation {
                session: 0,
                replica,
                begun: steps(begun),
                acknowledged: acknowledged.map(steps),
            });
            let slack = if place == CheckPlace::Replica(replica) { 0 } else { 4 };
            let latest = acknowledged.map(|time| time + slack);
            history.operations.push(Operation { begun, latest, outcome: None });
        }
        for _ in 0..=random.number() % MAX_CHECKS {
            let (begun, length) = (random.number() % 14, random.number() % 4);
            let outcome = random.one_of(&[GuardedOutcome::Admitted, GuardedOutcome::Refused]);
            let ended = steps(begun + length);
            history.calls.push(ObservedCall { session: 0, place, begun: steps(begun), ended, outcome });
            history.operations.push(Operation { begun, latest: Some(begun + length), outcome: Some(outcome) });
        }
        history
    }
}

#[test]
fn checker_agrees_with_a_search_of_all_orders() {
    let (mut random, mut kept) = (Random::new(1), 0);
    for number in 0..HISTORIES {
        let SmallHistory { place, revocations, calls, operations } = SmallHistory::random(&mut random);
        let (holds, is_explained) = (check(&revocations, &calls, 1).holds(), is_explained(&operations, false));
        assert_eq!(holds, is_explained, "history {number} at {place:?}: {operations:?}");
        kept += usize::from(holds);
    }
    // Both verdicts are frequent.
    assert!((HISTORIES / 5..HISTORIES * 4 / 5).contains(&kept), "{kept} of {HISTORIES} histories keep the promise");
}
