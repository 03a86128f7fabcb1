//! The log of revocations: each is written once and in order, and old entries are pruned.

use std::time::Duration;

use auth_service::domain::{
    ApiKeyId, ApiKeyVersion, Cause, Client, Entry, EntryFingerprint, Era, LogId, Revocation, Roles, Session, SessionId,
    Stamp, UserId, UserState,
};
use auth_service::store::LogPage;
use testkit::{on_both_engines, start};

use crate::support::{Case, another_admin, event, new_user, session, stamp, stamp_at, starting};

/// Reads the log from a revision on.
async fn look(store: &Case, from: i64) -> LogPage {
    let mut reader = store.log_reader();
    let page = reader.poll(from).await.unwrap();
    reader.close().await;
    page
}

/// Returns the entries of the log after its first one.
async fn logged(store: &Case) -> Vec<Revocation> {
    look(store, 1).await.entries.into_iter().map(|entry| entry.revocation).collect()
}

fn user(id: UserId, generation: i32, cause: Cause) -> Revocation {
    Revocation::User { id, generation, cause }
}

async fn log_is_started_once(store: Case) {
    let page = look(&store, 0).await;
    assert_eq!((page.log, page.head, page.horizon.until), (LogId([1; 16]), 0, start() - Duration::from_secs(1)));
    assert_eq!(page.entries.len(), 1);
    assert_eq!(page.entries[0].revocation, Revocation::Start);
    store.begin_log(LogId([2; 16]), stamp()).await.unwrap();
    assert_eq!(look(&store, 0).await, page);
}

/// A new log refuses all tokens from before its start, also if the database has no users yet.
async fn log_refuses_tokens_from_before_it(store: Case) {
    for has_users in [false, true] {
        if has_users {
            store.create_user(&new_user(1, "ada@example.com"), None, None, &event()).await.unwrap();
        }
        let before = look(&store, 0).await.horizon;
        store.database.run("delete from log_head").await;
        store.database.run("delete from revocations").await;
        store.begin_log(LogId([2; 16]), stamp()).await.unwrap();
        let born = look(&store, 0).await.horizon;
        for issued in [0, 1, 100].map(|second| start().timestamp() + second) {
            assert!(born.kills(issued, before.era) && born.kills(issued, Era::default()), "tokens of another log");
            assert!(!born.kills(issued, born.era), "its own tokens");
        }
        assert!(born.kills(start().timestamp() - 1, born.era), "in any era");
    }
}

async fn revocations_are_logged_with_their_cause(store: Case) {
    store.create_user(&another_admin(), None, None, &event()).await.unwrap();
    let (ada, bob) = (new_user(1, "ada@example.com"), new_user(2, "bob@example.com"));
    let begun = [session(10, &ada), session(11, &ada)];
    store.create_user(&ada, Some(starting(&begun[0])), None, &event()).await.unwrap();
    store.create_user(&bob, None, None, &event()).await.unwrap();
    assert!(store.create_session(&begun[1], &Client::default(), &event()).await.unwrap());
    assert_eq!(logged(&store).await, [], "starts of sessions kill nothing");

    let stamps: Vec<_> = (1..=8).map(|second| stamp_at(start() + Duration::from_secs(second))).collect();
    let mut ended = vec![store.end_session(begun[0].id, stamps[0], &event()).await.unwrap()];
    ended.extend(store.revoke_session(begun[1].id, None, stamps[1], &event()).await.unwrap());
    store.set_roles(ada.id, &Roles::from_text("admin editor"), None, stamp(), &event()).await.unwrap().unwrap();
    ended.extend(store.set_roles(ada.id, &Roles::admin(), None, stamps[2], &event()).await.unwrap().unwrap().logged);
    ended.extend(store.end_all_sessions(ada.id, stamps[3], &event()).await.unwrap());
    ended
        .extend(store.set_state(ada.id, UserState::Disabled, None, stamps[4], &event()).await.unwrap().unwrap().logged);
    ended.extend(store.set_state(ada.id, UserState::Active, None, stamps[5], &event()).await.unwrap().unwrap().logged);
    let own = Session { generation: 5, ..session(12, &ada) };
    let changed =
        store.change_password(4, "$argon2id$new", &own, &Client::default(), stamps[6], &event()).await.unwrap();
    ended.extend(changed.map(|changed| changed.logged));
    ended.push(store.delete_user(ada.id, None, stamps[7], "erased", &event()).await.unwrap().unwrap());

    let page = look(&store, 1).await;
    assert_eq!(page.head, 8);
    let expected = [
        Revocation::Session(begun[0].id),
        Revocation::Session(begun[1].id),
        user(ada.id, 2, Cause::Ended),
        user(ada.id, 3, Cause::Ended),
        user(ada.id, 4, Cause::Disabled),
        user(ada.id, 4, Cause::Ended),
        user(ada.id, 5, Cause::Ended),
        user(ada.id, i32::MAX, Cause::Deleted),
    ];
    for (index, (entry, revocation)) in page.entries.iter().zip(&expected).enumerate() {
        assert_eq!(&entry.revocation, revocation);
        assert_eq!((entry.logged, entry.time), (ended[index], stamps[index].time), "{revocation:?}");
        assert_eq!(entry.logged.fingerprint, stamps[index].fingerprint);
    }
    assert_eq!((page.entries.len(), ended.len()), (8, 8));
}

async fn change_without_effect_is_not_logged(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, Some(starting(&session(10, &ada))), None, &event()).await.unwrap();
    assert_eq!(store.revoke_session(SessionId::from_u128(99), None, stamp(), &event()).await.unwrap(), None);
    assert_eq!(store.end_all_sessions(UserId::from_u128(99), stamp(), &event()).await.unwrap(), None);
    assert_eq!(store.set_roles(ada.id, &Roles::admin(), None, stamp(), &event()).await.unwrap().unwrap().logged, None);
    assert_eq!(
        store.set_state(ada.id, UserState::Active, None, stamp(), &event()).await.unwrap().unwrap().logged,
        None
    );
    let own = Session { generation: 10, ..session(11, &ada) };
    assert!(
        store.change_password(9, "$argon2id$", &own, &Client::default(), stamp(), &event()).await.unwrap().is_none()
    );
    assert!(store.delete_user(ada.id, Some(9), stamp(), "erased", &event()).await.unwrap().is_err());
    assert_eq!(logged(&store).await, []);
}

async fn refused_entry_revokes_nothing(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let begun = session(10, &ada);
    store.create_user(&ada, Some(starting(&begun)), None, &event()).await.unwrap();
    let before = store.user(ada.id).await.unwrap();
    store.database.refuse("update", "log_head").await;
    assert!(store.end_session(begun.id, stamp(), &event()).await.is_err());
    assert!(store.revoke_session(begun.id, None, stamp(), &event()).await.is_err());
    assert!(store.end_all_sessions(ada.id, stamp(), &event()).await.is_err());
    assert!(store.set_state(ada.id, UserState::Disabled, None, stamp(), &event()).await.is_err());
    let own = Session { generation: 2, ..session(11, &ada) };
    assert!(store.change_password(1, "$argon2id$", &own, &Client::default(), stamp(), &event()).await.is_err());
    assert!(store.delete_user(ada.id, None, stamp(), "erased", &event()).await.is_err());
    assert!(store.revoke(&Revocation::NewSigningKeys, stamp()).await.is_err());
    assert_eq!(store.user(ada.id).await.unwrap(), before);
    assert_eq!(store.list_sessions(ada.id, None, 9, start()).await.unwrap().len(), 1);
    assert_eq!(logged(&store).await, []);
}

async fn every_kind_of_entry_is_read_as_written(store: Case) {
    let all = [
        Revocation::SigningKey("kid-1".into()),
        Revocation::NewSigningKeys,
        Revocation::ApiKey(ApiKeyVersion { id: ApiKeyId::MAX, revision: i32::MAX }),
        Revocation::Session(SessionId::MAX),
        user(UserId::NIL, i32::MIN, Cause::Ended),
    ];
    for (index, revocation) in (1..).zip(&all) {
        let logged = store.revoke(revocation, stamp()).await.unwrap();
        assert_eq!(logged.revision, index);
    }
    assert_eq!(logged(&store).await, all);
    // A later version's entry is not skipped.
    store.database.run("update revocations set kind = 'api-key' where revision = 2").await;
    let mut reader = store.log_reader();
    assert!(reader.poll(0).await.is_err());
    assert_eq!(reader.poll(3).await.unwrap().entries.len(), 2, "the connection still works");
    reader.close().await;
}

async fn long_log_is_read_a_page_at_a_time(store: Case) {
    let (from, count) = (2, 1998);
    store.database.run("update log_head set revision = 1").await;
    let insert = "insert into revocations (revision, mark, kind, subject, generation, log_time) ";
    let rows = "with recursive numbers (n) as (select 2 union all select n + 1 from numbers where n < 1999) \
                select n, mark, 'signing-keys', '', 0, log_time from numbers, log_head";
    store.database.run(&format!("{insert}{rows}")).await;
    store.database.run("update log_head set revision = 2000").await;
    let mut reader = store.log_reader();
    let first = reader.poll(from).await.unwrap();
    assert_eq!((first.entries.len(), first.is_last()), (1000, false));
    let second = reader.poll(first.entries[999].logged.revision + 1).await.unwrap();
    assert_eq!((second.entries.len(), second.is_last()), (999, true));
    assert_eq!(second.entries.last().unwrap().logged.revision, from + count);
    let beyond = reader.poll(2001).await.unwrap();
    assert_eq!((beyond.head, beyond.entries.len()), (2000, 0));
    reader.close().await;
}

/// Expired entries are pruned from the oldest on, and the horizon follows.
async fn expired_entries_are_pruned_and_horizon_follows(store: Case) {
    let at = |second| start() + Duration::from_secs(second);
    // The clocks of replicas differ: the third entry is older than the second.
    for (second, revocation) in [
        (1, Revocation::Session(SessionId::from_u128(1))),
        (5, Revocation::Session(SessionId::from_u128(2))),
        (3, Revocation::Session(SessionId::from_u128(3))),
        (4, Revocation::Session(SessionId::from_u128(4))),
        (9, Revocation::Session(SessionId::from_u128(5))),
        (2, Revocation::Session(SessionId::from_u128(6))),
        (2, Revocation::Session(SessionId::from_u128(7))),
    ] {
        store.revoke(&revocation, stamp_at(at(second))).await.unwrap();
    }
    let revisions =
        async || -> Vec<i64> { look(&store, 0).await.entries.iter().map(|entry| entry.logged.revision).collect() };
    assert_eq!(store.prune_log(at(0)).await.unwrap(), 1, "the first entry");
    assert_eq!(look(&store, 0).await.horizon.until, start());
    assert_eq!(store.prune_log(at(0)).await.unwrap(), 0);
    assert_eq!(store.prune_log(at(4)).await.unwrap(), 1, "the second entry stays, and all after it");
    assert_eq!((revisions().await, look(&store, 0).await.horizon.until), (vec![2, 3, 4, 5, 6, 7], at(1)));
    assert_eq!(store.prune_log(at(8)).await.unwrap(), 3);
    assert_eq!((revisions().await, look(&store, 0).await.horizon.until), (vec![5, 6, 7], at(5)));
    assert_eq!(store.prune_log(at(99)).await.unwrap(), 2, "the last entry stays at any age");
    assert_eq!((revisions().await, look(&store, 0).await.horizon.until), (vec![7], at(9)));
    let next = store.revoke(&Revocation::NewSigningKeys, stamp()).await.unwrap();
    assert_eq!(next.revision, 8, "the numbers continue");
}

/// A restarted log has an entry about the restart, and its horizon never moves back.
async fn log_started_again_only_raises_its_horizon(store: Case) {
    let later = start() + Duration::from_secs(1);
    let ids = [1, 2, 3].map(|id| LogId([id; 16]));
    for (revision, time, horizon) in [(1, later, later), (2, start(), later)] {
        let [seen, next] = [ids[usize::try_from(revision).unwrap() - 1], ids[usize::try_from(revision).unwrap()]];
        let logged = store.begin_log_anew(seen, next, Stamp { time, ..stamp() }).await.unwrap().unwrap();
        let page = look(&store, revision).await;
        assert_eq!((page.log, page.horizon.until, page.head, logged.revision), (next, horizon, revision, revision));
        assert_eq!(page.entries, [Entry { logged, revocation: Revocation::Start, time }]);
        let again = store.begin_log_anew(seen, LogId([9; 16]), stamp_at(later + Duration::from_mins(1))).await.unwrap();
        assert_eq!((again, look(&store, revision).await), (None, page), "once for each state that was seen");
    }
}

async fn mark_of_an_entry_is_found_by_its_revision(store: Case) {
    let logged = store.revoke(&Revocation::NewSigningKeys, stamp()).await.unwrap();
    assert_eq!(store.log_fingerprint(logged.revision).await.unwrap(), Some(logged.fingerprint));
    assert_eq!(store.log_fingerprint(logged.revision + 1).await.unwrap(), None);
}

async fn log_far_from_its_end_is_read_as_a_whole(store: Case) {
    store.database.run("update log_head set revision = 1").await;
    let insert = "insert into revocations (revision, mark, kind, subject, generation, log_time) ";
    let rows = "with recursive numbers (n) as (select 2 union all select n + 1 from numbers where n < 20000) \
                select n, mark, 'signing-keys', '', 0, log_time from numbers, log_head";
    store.database.run(&format!("{insert}{rows}")).await;
    store.database.run("update log_head set revision = 20001").await;
    let mut reader = store.log_reader();
    let mut from = 0;
    loop {
        // Pages are as large as time permits; the last entry is read once more.
        let page = reader.poll(from).await.unwrap();
        let revisions = page.entries.iter().map(|entry| entry.logged.revision);
        assert!(revisions.eq(from..from + i64::try_from(page.entries.len()).unwrap()), "from {from}");
        assert!(page.entries.len() >= 1000 || page.is_last());
        from = page.entries.last().unwrap().logged.revision;
        if page.is_last() {
            break;
        }
    }
    assert_eq!(from, 20_001);
    assert_eq!(reader.poll(10_000).await.unwrap().entries.len(), 1000, "a small page again");
    reader.close().await;
}

/// A renewed log has another identity, and refuses tokens issued before.
async fn renewed_log_is_another_one(store: Case) {
    store.revoke(&Revocation::NewSigningKeys, stamp()).await.unwrap();
    let before = look(&store, 0).await;
    store.renew_log(LogId([9; 16]), start()).await.unwrap();
    let after = look(&store, 0).await;
    assert_eq!((after.log, after.horizon.until), (LogId([9; 16]), start()));
    assert_eq!((after.head, &after.entries), (before.head, &before.entries));
    assert_eq!(after.entries[1].logged.fingerprint, before.entries[1].logged.fingerprint);
    assert_ne!(after.entries[1].logged.fingerprint, EntryFingerprint([0; 16]));
}

on_both_engines!(crate::support::Case:
    log_is_started_once,
    log_refuses_tokens_from_before_it,
    revocations_are_logged_with_their_cause,
    change_without_effect_is_not_logged,
    refused_entry_revokes_nothing,
    every_kind_of_entry_is_read_as_written,
    long_log_is_read_a_page_at_a_time,
    expired_entries_are_pruned_and_horizon_follows,
    log_started_again_only_raises_its_horizon,
    mark_of_an_entry_is_found_by_its_revision,
    log_far_from_its_end_is_read_as_a_whole,
    renewed_log_is_another_one,
);
