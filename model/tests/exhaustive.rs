//! The promise, in every order of events that there is under these limits.

#![expect(clippy::print_stdout, reason = "how much has been tried is what the reader asks next")]

use model::{LAST_MOMENT, Limits, PROMISE, RENEWED, World};
use stateright::{Checker, Model};

/// With two renewals under way at the same time.
const ONE: Limits = Limits { renewals: 2, ..Limits::LEAST };

/// Tries everything; also what shows that the model is not empty must be found.
fn holds(limits: Limits) {
    let checker = World { limits, mutation: None }.checker().threads(2).spawn_bfs().join();
    println!("{} moments, {} steps: {limits:?}", checker.unique_state_count(), checker.state_count());
    let broken = checker.discovery(PROMISE).map(stateright::Path::into_actions);
    assert!(broken.is_none(), "{broken:?}");
    for shown in [LAST_MOMENT, RENEWED] {
        assert!(checker.discovery(shown).is_some(), "never: {shown}");
    }
}

#[test]
fn one_guard_one_replica_with_every_fault() {
    holds(Limits { forks: 1, restarts: 1, ..ONE });
}

#[test]
fn a_ledger_that_overflows() {
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
