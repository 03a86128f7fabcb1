//! A log that has lost known entries: after a restore, or after a failover to an older copy.

use std::time::Duration;

use auth_service::domain::{Cause, EntryFingerprint, LogId, Logged, Position, Revocation, SessionId};
use auth_service::view::Finder;
use chrono::TimeDelta;
use db::clock;
use kit::Clock;
use testkit::{on_both_engines, start};

use crate::replica::{Case, LAPTOP, Replica, event, stamp};

/// Starts a replica on a log with two entries, then removes the end of the log by these statements.
async fn loses(store: &Case, statements: &[&str]) {
    store.revoke(&Revocation::Session(SessionId::from_u128(99)), stamp()).await.unwrap();
    let replica = Replica::start(store).await;
    let logged = store.end_session(LAPTOP, stamp(), &event()).await.unwrap();
    replica.view.reach(logged).await.unwrap();
    replica.clock.advance(Duration::from_secs(5));
    let era = replica.view.horizon().era;
    // All in one transaction: between two transactions the replica would poll and restart the log.
    store.database.run(&format!("begin; {}; commit", statements.join("; "))).await;
    replica.view.poll_again().await.unwrap();
    let horizon = start() + Duration::from_secs(5);
    assert_eq!(replica.view.horizon().until, horizon);
    assert_eq!(replica.check_revocation(5), Some(Cause::Ended), "earlier tokens are refused");
    let later = (start() + Duration::from_hours(1)).timestamp();
    assert!(replica.view.horizon().kills(later, era), "regardless of the issue time");
    // Another session, since this one may still be revoked.
    assert!(store.end_session(SessionId::from_u128(11), stamp(), &event()).await.is_ok(), "the log continues");
    // A replica that has never known the lost entries comes to the same result.
    let late = Replica::start(store).await;
    assert_eq!((late.view.horizon().until, late.check_revocation(5)), (horizon, Some(Cause::Ended)));
    late.view.poll_again().await.unwrap();
    replica.view.poll_again().await.unwrap();
    assert_eq!(replica.view.position(), late.view.position());
}

async fn log_that_was_rolled_back_is_noticed(store: Case) {
    let back = "update log_head set revision = 1";
    // The row's trigger adds an entry again if it is missing.
    loses(&store, &["delete from revocations where revision >= 1", back]).await;
}

async fn changed_row_is_noticed(store: Case) {
    loses(
        &store,
        &["update revocations set mark = (select mark from revocations where revision = 0) where revision = 2"],
    )
    .await;
}

async fn history_that_continues_without_a_row_is_noticed(store: Case) {
    let lost = "delete from revocations where revision >= 1";
    let other = "update log_head set revision = 1, mark = (select mark from revocations where revision = 0)";
    loses(&store, &[lost, other, "update log_head set revision = 2", "update log_head set revision = 3"]).await;
}

async fn another_log_is_noticed(store: Case) {
    loses(&store, &["update log_head set log_id = (select mark from revocations where revision = 1)"]).await;
}

async fn restored_log_is_noticed(store: Case) {
    let replica = Replica::start(&store).await;
    let before = replica.view.position().unwrap();
    let now = start() + Duration::from_secs(3);
    replica.clock.advance(Duration::from_secs(3));
    store.renew_log(LogId([9; 16]), now).await.unwrap();
    replica.view.poll_again().await.unwrap();
    let after = replica.view.position().unwrap();
    assert_eq!((after.log, after.last.revision), (LogId([9; 16]), before.last.revision + 1));
    assert_eq!((replica.check_revocation(3), replica.check_revocation(4)), (Some(Cause::Ended), None));
}

/// The oldest entries of a log are pruned while a replica does not poll: the replica reads on, and no user is logged
/// out.
async fn replica_that_missed_a_pruning_continues(store: Case) {
    store.revoke(&Revocation::Session(SessionId::from_u128(99)), stamp()).await.unwrap();
    let replica = Replica::start(&store).await;
    let logged = store.end_session(LAPTOP, stamp(), &event()).await.unwrap();
    replica.view.reach(logged).await.unwrap();
    let before = replica.view.position().unwrap();
    // Two more entries, and the first three pruned, in one transaction. To the replica this looks like a long pause.
    let two = "update log_head set revision = 3, kind = 'signing-keys', subject = ''; \
               update log_head set revision = 4";
    store.database.run(&format!("begin; {two}; delete from revocations where revision < 3; commit")).await;
    replica.view.poll_again().await.unwrap();
    let after = replica.view.position().unwrap();
    assert_eq!((after.log, after.last.revision), (before.log, 4), "the log continues");
    assert_eq!(replica.view.forks(Finder::Replica), 0);
    assert_eq!(replica.check_revocation(5), Some(Cause::Ended), "known revocations stay known");
    let late = Replica::start(&store).await;
    assert_eq!(late.view.horizon(), replica.view.horizon());
    assert_eq!(late.check_revocation(5), None, "no other user is logged out");
}

/// Only a guard knows a position that the log has lost.
async fn loss_known_only_to_a_guard_restarts_the_log(store: Case) {
    let (here, there) = (Replica::start(&store).await, Replica::start(&store).await);
    let known = here.view.position().unwrap();
    let lost = Position { last: Logged { revision: 7, fingerprint: EntryFingerprint([7; 16]) }, ..known };
    here.clock.advance(Duration::from_secs(5));
    for _ in 0..2 {
        here.view.report_lost(lost);
        here.view.poll_again().await.unwrap();
        // The second report is about a log that no longer exists.
        assert_eq!((here.view.forks(Finder::Guard), here.view.forks(Finder::Replica)), (1, 0));
    }
    let now = here.view.position().unwrap();
    assert_ne!(now.log, known.log);
    assert_eq!(now.last.revision, known.last.revision + 1);
    assert_eq!((here.check_revocation(5), here.check_revocation(6)), (Some(Cause::Ended), None));
    // The other replica follows; reports of its own guards change nothing.
    there.view.report_lost(lost);
    there.view.poll_again().await.unwrap();
    there.view.poll_again().await.unwrap();
    assert_eq!(there.view.position().unwrap(), here.view.position().unwrap());
    assert_eq!((there.view.forks(Finder::Guard), there.view.forks(Finder::Replica)), (0, 0));
    assert_eq!(there.check_revocation(5), Some(Cause::Ended));
}

/// A replica that cannot write the restart of the log verifies no token until it can.
async fn loss_that_cannot_be_written_leaves_the_view_stale(store: Case) {
    let replica = Replica::start(&store).await;
    let known = replica.view.position().unwrap();
    store.database.refuse("update", "log_head").await;
    replica
        .view
        .report_lost(Position { last: Logged { revision: 7, fingerprint: EntryFingerprint([7; 16]) }, ..known });
    assert!(replica.view.poll_again().await.is_err());
    replica.uptime.advance(Duration::from_millis(501));
    assert!(replica.view.refresh().await.is_err());
    store.database.accept("log_head").await;
    while replica.view.refresh().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!((replica.view.forks(Finder::Guard), replica.check_revocation(0)), (1, Some(Cause::Ended)));
}

/// A fork that is found by a replica with a clock one hour ahead blocks no user.
async fn fork_found_by_a_fast_replica_blocks_no_user(store: Case) {
    let wrong = Clock::wrong(TimeDelta::hours(1));
    clock::measure(store.db(), &wrong).await.unwrap();
    if wrong.problem().is_none() {
        // With a file there is one process and no other clock; its sweep lowers the horizon.
        return;
    }
    store.revoke(&Revocation::Session(SessionId::from_u128(99)), stamp()).await.unwrap();
    let right = Clock::system();
    let replica = Replica::with_clock(&store, wrong).await;
    let before = (right.now().timestamp(), replica.view.horizon().era);
    store.database.run("update log_head set log_id = (select mark from revocations where revision = 1)").await;
    replica.view.poll_again().await.unwrap();
    let horizon = replica.view.horizon();
    assert!(horizon.kills(before.0, before.1) && horizon.kills(before.0 + 3600, before.1), "earlier tokens are dead");
    assert!(horizon.until <= right.now(), "{} is in the future", horizon.until);
    assert!(!horizon.kills(right.now().timestamp() + 1, horizon.era), "new tokens are good");
}

on_both_engines!(crate::replica::Case:
    log_that_was_rolled_back_is_noticed,
    changed_row_is_noticed,
    history_that_continues_without_a_row_is_noticed,
    another_log_is_noticed,
    restored_log_is_noticed,
    replica_that_missed_a_pruning_continues,
    loss_known_only_to_a_guard_restarts_the_log,
    loss_that_cannot_be_written_leaves_the_view_stale,
    fork_found_by_a_fast_replica_blocks_no_user,
);
