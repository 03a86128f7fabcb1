//! Each deliberate fault breaks the promise.

#![expect(clippy::print_stdout, reason = "a reader wants to know the number of states")]

use model::{Clocks, ModelLimits, ModelWorld, Mutation, NO_FALSE_ALARM, PROMISE, RECOVERY};
use stateright::{Checker, HasDiscoveries, Model};

const LEAST: ModelLimits = ModelLimits::LEAST;

/// A guard that changes from one replica to another.
const TWO_REPLICAS: ModelLimits = ModelLimits { replicas: 2, ..LEAST };

/// A database that loses a row of another user.
const FORK: ModelLimits = ModelLimits { tokens: 2, forks: 1, ..LEAST };

/// A database in which another row replaces a lost one, or which loses one of two rows.
const FORK_OF_TWO_ROWS: ModelLimits = ModelLimits { revocations: 2, ..FORK };

/// A database that loses a row, and a replica that starts on the rest.
const COPY: ModelLimits = ModelLimits { forks: 1, restarts: 1, ..LEAST };

/// A log that is pruned between a replica's polls, or before its start.
const PRUNED: ModelLimits = ModelLimits { tokens: 2, revocations: 2, restarts: 1, clocks: Clocks::FarAhead, ..LEAST };

/// A log that is pruned, by differing clocks, before its replica reads it for the first time.
const TOO_EARLY: ModelLimits = ModelLimits { restarts: 0, renewals: 0, clocks: Clocks::Near { life: 5 }, ..PRUNED };

fn breaks(mutation: Mutation, limits: ModelLimits, property: &'static str) {
    let world = ModelWorld { limits, mutation: Some(mutation) };
    let when = HasDiscoveries::AnyOf([property].into());
    let checker = world.checker().finish_when(when).threads(2).spawn_bfs().join();
    let states = checker.unique_state_count();
    let path = checker.discovery(property).map(stateright::Path::into_actions);
    println!("{mutation:?} is found among {states} states: {path:?}");
    assert!(path.is_some(), "{mutation:?} does not break {property}");
}

#[test]
fn same_systems_without_a_fault_keep_the_promise() {
    for limits in [LEAST, TWO_REPLICAS, FORK, FORK_OF_TWO_ROWS] {
        let checker = ModelWorld { limits, mutation: None }.checker().threads(2).spawn_bfs().join();
        let broken = checker.discovery(PROMISE).map(stateright::Path::into_actions);
        assert!(broken.is_none(), "{limits:?}: {broken:?}");
    }
}

macro_rules! mutations {
    ($($test:ident: $mutation:ident in $limits:expr;)*) => {
        $(
            #[test]
            fn $test() {
                breaks(Mutation::$mutation, $limits, PROMISE);
            }
        )*
    };
}

mutations! {
    lease_from_the_receipt: LeaseFromReceipt in LEAST;
    answer_to_the_latest_request: LatestNonce in LEAST;
    fields_read_one_by_one: FieldsOneByOne in ModelLimits { tokens: 2, revocations: 2, rows: 1, ..LEAST };
    position_before_the_time_of_the_poll: PositionBeforePollTime in LEAST;
    position_after_the_contents: PositionAfterContents in TWO_REPLICAS;
    poll_that_counts_from_its_end: PollTimeAtEnd in LEAST;
    position_that_moves_first: PositionFirst in TWO_REPLICAS;
    time_of_the_poll_that_moves_first: PollTimeFirst in LEAST;
    renewal_by_a_stale_view: StaleRenewal in LEAST;
    introspection_by_a_stale_view: StaleIntrospection in LEAST;
    answer_that_overtakes: AnswerOvertakes in LEAST;
    introspection_below_the_floor: BelowFloor in TWO_REPLICAS;
    introspection_ahead_of_the_feed: AheadOfFeed in ModelLimits { tokens: 3, ..FORK_OF_TWO_ROWS };
    introspection_with_another_fingerprint: OtherFingerprint in FORK;
    flight_from_before_a_reset: FlightBeforeReset in FORK;
    reset_that_comes_late: LateReset in FORK;
    lease_that_outlives_a_reset: LeaseOutlivesReset in FORK_OF_TWO_ROWS;
    resume_that_is_ignored: ResumeIgnored in TWO_REPLICAS;
    replica_that_has_not_loaded: ServesBeforeLoaded in ModelLimits { restarts: 1, ..LEAST };
    joiners_with_their_own_time: JoinersOwnTime in LEAST;
    rows_without_fingerprints: NoFingerprints in FORK_OF_TWO_ROWS;
    fingerprints_that_are_not_checked_again: FingerprintsNotRechecked in ModelLimits { restarts: 1, ..FORK_OF_TWO_ROWS };
    fork_without_a_record: SilentFork in ModelLimits { forks: 1, ..TWO_REPLICAS };
    guard_whose_loss_is_ignored: GuardsLossIgnored in COPY;
    pruning_that_leaves_the_horizon: PruningLeavesHorizon in PRUNED;
    rows_kept_without_a_margin: NoMarginForClocks in TOO_EARLY;
}

#[test]
fn loss_that_is_not_acted_on() {
    breaks(Mutation::LossIsNotActedOn, ModelLimits { recovery: true, ..COPY }, RECOVERY);
}

#[test]
fn pruning_mistaken_for_a_loss() {
    breaks(Mutation::PruningIsALoss, PRUNED, NO_FALSE_ALARM);
}
