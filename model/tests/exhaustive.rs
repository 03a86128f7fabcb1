//! The promise, in every order of events within these limits.

#![expect(clippy::print_stdout, reason = "a reader wants to know the number of states")]

use model::{Clocks, LAST_MOMENT, Limits, NO_FALSE_ALARM, PROMISE, RECOVERY, RENEWED, World};
use stateright::{Checker, Model};

/// With two renewals under way at the same time.
const ONE: Limits = Limits { renewals: 2, ..Limits::LEAST };

/// With a log that is pruned.
const PRUNED: Limits = Limits { tokens: 2, revocations: 2, restarts: 1, ..Limits::LEAST };

/// Checks all states; the states that must exist have to be found.
fn holds(limits: Limits) {
    keeps(limits, &[LAST_MOMENT, RENEWED]);
}

/// Checks all states, and that these are found.
fn keeps(limits: Limits, found: &[&'static str]) {
    let checker = World { limits, mutation: None }.checker().threads(2).spawn_bfs().join();
    println!("{} moments, {} steps: {limits:?}", checker.unique_state_count(), checker.state_count());
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
    holds(Limits { forks: 1, restarts: 1, ..ONE });
}

#[test]
fn revocation_state_that_overflows() {
    holds(Limits { tokens: 2, revocations: 2, rows: 1, ..ONE });
}

#[test]
fn two_guards_one_replica_two_tokens() {
    holds(Limits { guards: 2, tokens: 2, revocations: 2, renewals: 1, ..ONE });
}

#[test]
fn one_guard_two_replicas_two_tokens() {
    holds(Limits { replicas: 2, tokens: 2, revocations: 2, renewals: 1, ..ONE });
}

#[test]
fn one_guard_two_replicas_and_a_fork() {
    holds(Limits { replicas: 2, forks: 1, renewals: 1, ..ONE });
}

/// Outages end, from every state and with every fault.
#[test]
fn outages_end() {
    holds(Limits { forks: 1, restarts: 1, recovery: true, ..Limits::LEAST });
    keeps(Limits { guards: 2, recovery: true, ..Limits::LEAST }, &[RENEWED]);
}

#[test]
fn clocks_that_differ_by_the_margin() {
    keeps(Limits { clocks: Clocks::Near { life: 4 }, ..PRUNED }, &[LAST_MOMENT]);
}

#[test]
fn clock_that_prunes_too_early() {
    holds(Limits { clocks: Clocks::FarAhead, recovery: true, ..PRUNED });
}
