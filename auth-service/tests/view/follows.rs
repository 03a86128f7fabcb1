//! A revocation is known at once at the replica that writes it, and at other replicas after their next poll.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use auth_service::domain::{Cause, EntryFingerprint, Logged, Revocation};
use auth_service::view::StaleView;
use testkit::on_both_engines;

use crate::replica::{ADA, Case, LAPTOP, Replica, check_revocation, event, stamp};

async fn revocation_is_refused_here_and_soon_elsewhere(store: Case) {
    let (here, there) = (Replica::start(&store).await, Replica::start(&store).await);
    assert_eq!((here.check_revocation(1), there.check_revocation(1)), (None, None));
    let logged = store.end_session(LAPTOP, stamp(), &event()).await.unwrap();
    here.view.reach(logged).await.unwrap();
    assert_eq!(here.check_revocation(1), Some(Cause::Ended));
    there.view.poll_again().await.unwrap();
    assert_eq!(there.check_revocation(1), Some(Cause::Ended));
    assert_eq!(here.view.position(), there.view.position());
    assert_eq!(here.view.position().unwrap().last, logged);
}

async fn view_older_than_500_ms_is_stale(store: Case) {
    let (view, uptime) = Replica::start(&store).await.stop().await;
    uptime.advance(Duration::from_millis(500));
    assert_eq!(check_revocation(&view, 1), Ok(None));
    uptime.advance(Duration::from_millis(1));
    assert_eq!(check_revocation(&view, 1), Err(StaleView));
    assert_eq!(view.position(), Err(StaleView));
    let logged = store.end_session(LAPTOP, stamp(), &event()).await.unwrap();
    assert_eq!(view.reach(logged).await, Err(StaleView), "no revocation is acknowledged either");
}

async fn view_of_a_paused_process_polls_once_more(store: Case) {
    let replica = Replica::start(&store).await;
    for _ in 0..3 {
        // The state after a pause of the process: time has passed, and the follower has not run yet.
        replica.uptime.advance(Duration::from_mins(1));
        replica.view.refresh().await.unwrap();
        assert_eq!(replica.check_revocation(1), None);
    }
    let begun = replica.view.position().unwrap();
    replica.view.refresh().await.unwrap();
    assert_eq!(replica.view.position().unwrap(), begun, "a fresh position is returned as it is");
}

async fn unreadable_log_keeps_no_caller_waiting(store: Case) {
    let replica = Replica::start(&store).await;
    store.database.run("alter table revocations rename to gone").await;
    replica.uptime.advance(Duration::from_mins(1));
    assert_eq!(replica.view.refresh().await, Err(StaleView));
    assert_eq!(check_revocation(&replica.view, 1), Err(StaleView));
    store.database.run("alter table gone rename to revocations").await;
    while replica.view.refresh().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(replica.check_revocation(1), None);
}

async fn polls_for_keys_are_at_least_50_ms_apart(store: Case) {
    let replica = Replica::start(&store).await;
    replica.view.poll_for_key().await.unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..4 {
        replica.view.poll_for_key().await.unwrap();
    }
    // Four polls have three intervals of fifty milliseconds between them.
    assert!(begun.elapsed() >= Duration::from_millis(150), "{:?}", begun.elapsed());
    let logged = store.end_session(LAPTOP, stamp(), &event()).await.unwrap();
    let (reached, polled) = tokio::join!(replica.view.reach(logged), replica.view.poll_for_key());
    assert_eq!((reached, polled, replica.check_revocation(1)), (Ok(()), Ok(()), Some(Cause::Ended)), "no caller waits");
}

async fn one_poll_serves_all_that_wait_for_a_key(store: Case) {
    let replica = Replica::start(&store).await;
    replica.view.poll_for_key().await.unwrap();
    let before = replica.view.polls();
    let begun = std::time::Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..1_200 {
        let view = std::sync::Arc::clone(&replica.view);
        calls.spawn(async move { view.poll_for_key().await });
    }
    while let Some(polled) = calls.join_next().await {
        assert_eq!(polled.unwrap(), Ok(()));
    }
    // A running poll does not serve callers that come later. On a busy machine the follower also polls by itself.
    let max_polls = 2 + begun.elapsed().as_millis() / 50;
    assert!(u128::from(replica.view.polls() - before) <= max_polls, "{} of {max_polls}", replica.view.polls() - before);
}

async fn entry_lost_by_the_log_is_never_acknowledged(store: Case) {
    let replica = Replica::start(&store).await;
    let logged = store.end_session(LAPTOP, stamp(), &event()).await.unwrap();
    replica.view.reach(logged).await.unwrap();
    assert_eq!(replica.view.reach(Logged { fingerprint: EntryFingerprint([9; 16]), ..logged }).await, Err(StaleView));
}

async fn signing_keys_are_read_before_their_change_is_known(store: Case) {
    let replica = Replica::start(&store).await;
    assert_eq!(replica.keys.load(SeqCst), 0);
    for (revocation, reads) in
        [(Revocation::NewSigningKeys, 1), (Revocation::Session(LAPTOP), 1), (Revocation::SigningKey("kid".into()), 2)]
    {
        let logged = store.revoke(&revocation, stamp()).await.unwrap();
        replica.view.reach(logged).await.unwrap();
        assert_eq!(replica.keys.load(SeqCst), reads, "{revocation:?}");
    }
}

async fn long_log_is_read_completely(store: Case) {
    let user = Revocation::User { id: ADA, generation: 2, cause: Cause::Disabled };
    store.revoke(&user, stamp()).await.unwrap();
    let rows = "with recursive numbers (n) as (select 2 union all select n + 1 from numbers where n < 2500) \
                select n, mark, 'signing-keys', '', 0, log_time from numbers, log_head";
    let insert = "insert into revocations (revision, mark, kind, subject, generation, log_time) ";
    store.database.run(&format!("{insert}{rows}")).await;
    store.database.run("update log_head set revision = 2501").await;
    let replica = Replica::start(&store).await;
    assert_eq!(replica.view.position().unwrap().last.revision, 2501);
    assert_eq!(replica.check_revocation(1), Some(Cause::Disabled));
}

on_both_engines!(crate::replica::Case:
    revocation_is_refused_here_and_soon_elsewhere,
    view_older_than_500_ms_is_stale,
    view_of_a_paused_process_polls_once_more,
    unreadable_log_keeps_no_caller_waiting,
    polls_for_keys_are_at_least_50_ms_apart,
    one_poll_serves_all_that_wait_for_a_key,
    entry_lost_by_the_log_is_never_acknowledged,
    signing_keys_are_read_before_their_change_is_known,
    long_log_is_read_completely,
);
