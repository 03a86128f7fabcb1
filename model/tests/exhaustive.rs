//! The promise, in every order of events within these limits.

#![expect(clippy::print_stdout, reason = "a reader wants to know the number of states")]

use model::{Clocks, LAST_MOMENT, ModelLimits, ModelWorld, NO_FALSE_ALARM, PROMISE, RECOVERY, RENEWED};
use stateright::{Checker, Model};

/// Limits with two renewals under way at the same time.
const ONE: ModelLimits = ModelLimits { renewals: 2, ..ModelLimits::LEAST };

/// Limits with a log that is pruned.
const PRUNED: ModelLimits = ModelLimits { tokens: 2, revocations: 2, restarts: 1, ..ModelLimits::LEAST };

/// Checks all states, and requires that the states that must exist are found.
fn holds(limits: ModelLimits) {
    keeps(limits, &[LAST_MOMENT, RENEWED]);
}

/// Checks all states, and requires that the states of `found` are found.
fn keeps(limits: ModelLimits, found: &[&'static str]) {
    let checker = ModelWorld { limits, mutation: None }.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} steps: {limits:?}", checker.unique_state_count(), checker.state_count());
    for always in [PROMISE, NO_FALSE_ALARM, RECOVERY] {
        let broken = checker.discovery(always).map(stateright::Path::into_actions);
        assert!(broken.is_none(), "{always}: {broken:?}");
    }
    for shown in found {
        assert!(checker.discovery(shown).is_some(), "not found: {shown}");
    }
}

#[test]
fn one_guard_one_replica_with_every_fault() {
    holds(ModelLimits { forks: 1, restarts: 1, ..ONE });
}

#[test]
fn revocation_state_that_overflows() {
    holds(ModelLimits { tokens: 2, revocations: 2, rows: 1, ..ONE });
}

#[test]
fn two_guards_one_replica_two_tokens() {
    holds(ModelLimits { guards: 2, tokens: 2, revocations: 2, renewals: 1, ..ONE });
}

#[test]
fn one_guard_two_replicas_two_tokens() {
    holds(ModelLimits { replicas: 2, tokens: 2, revocations: 2, renewals: 1, ..ONE });
}

#[test]
fn one_guard_two_replicas_and_a_fork() {
    holds(ModelLimits { replicas: 2, forks: 1, renewals: 1, ..ONE });
}

/// Outages end, from every state and with every fault.
#[test]
fn outages_end() {
    holds(ModelLimits { forks: 1, restarts: 1, recovery: true, ..ModelLimits::LEAST });
    keeps(ModelLimits { guards: 2, recovery: true, ..ModelLimits::LEAST }, &[RENEWED]);
}

#[test]
fn clocks_that_differ_by_the_margin() {
    keeps(ModelLimits { clocks: Clocks::Near { life: 4 }, ..PRUNED }, &[LAST_MOMENT]);
}

#[test]
fn clock_that_prunes_too_early() {
    holds(ModelLimits { clocks: Clocks::FarAhead, recovery: true, ..PRUNED });
}
