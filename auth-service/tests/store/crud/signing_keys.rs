//! Signing keys: one follows another, and each change is in the log.

use std::time::Duration;

use auth_service::domain::{LogId, Revocation, SigningKeyRecord};
use auth_service::store::{KeyRow, SealChange};
use chrono::{DateTime, Utc};
use testkit::{on_both_engines, start};

use crate::support::{Case, event, stamp, stamp_at};

fn at(second: u64) -> DateTime<Utc> {
    start() + Duration::from_secs(second)
}

fn key(number: i32, sign_time: DateTime<Utc>) -> SigningKeyRecord {
    SigningKeyRecord {
        number,
        id: format!("key-{number}"),
        algorithm: "EdDSA".into(),
        public_jwk: format!("{{\"kid\":\"key-{number}\"}}"),
        create_time: start(),
        sign_time,
        retire_time: None,
        verify_until: None,
    }
}

fn row(record: SigningKeyRecord, sealed: Option<&[u8]>) -> KeyRow {
    KeyRow { record, sealed: sealed.map(<[u8]>::to_vec) }
}

/// Adds the key with this number, which signs from this second on. Returns false if the store refuses the key.
async fn add(store: &Case, number: i32, second: u64) -> bool {
    let sealed = format!("sealed-{number}");
    let key = key(number, at(second));
    let added = store.add_signing_key(&key, Some(sealed.as_bytes()), at(second + 100), stamp(), &event()).await;
    added.unwrap().is_some()
}

async fn numbers(store: &Case) -> Vec<i32> {
    store.signing_keys().await.unwrap().iter().map(|row| row.record.number).collect()
}

/// Returns the entries of the log after its first one.
async fn logged(store: &Case) -> Vec<Revocation> {
    let mut reader = store.log_reader();
    let page = reader.poll(1).await.unwrap();
    reader.close().await;
    assert_ne!(page.log, LogId([0; 16]));
    page.entries.into_iter().map(|entry| entry.revocation).collect()
}

async fn key_follows_the_one_before_it(store: Case) {
    assert!(store.signing_keys().await.unwrap().is_empty());
    assert!(add(&store, 1, 0).await);
    assert_eq!(store.signing_keys().await.unwrap(), [row(key(1, at(0)), Some(b"sealed-1"))]);
    assert!(store.add_signing_key(&key(2, at(10)), None, at(110), stamp(), &event()).await.unwrap().is_some());
    let store = store.reopened().await;
    let retired = SigningKeyRecord { retire_time: Some(at(10)), verify_until: Some(at(110)), ..key(1, at(0)) };
    let expected = [row(retired, Some(b"sealed-1")), row(key(2, at(10)), None)];
    assert_eq!(store.signing_keys().await.unwrap(), expected);
    assert_eq!(logged(&store).await, [Revocation::NewSigningKeys, Revocation::NewSigningKeys]);
}

async fn one_of_two_concurrent_next_keys_is_added(store: Case) {
    assert!(add(&store, 1, 0).await);
    let mine = SigningKeyRecord { id: "mine".into(), ..key(2, at(10)) };
    let yours = SigningKeyRecord { id: "yours".into(), ..key(2, at(20)) };
    let events = [event(), event()];
    let (mine, yours) = tokio::join!(
        store.add_signing_key(&mine, None, at(110), stamp(), &events[0]),
        store.add_signing_key(&yours, None, at(120), stamp(), &events[1]),
    );
    let won = [mine.unwrap(), yours.unwrap()].map(|logged| logged.is_some());
    assert_ne!(won[0], won[1]);
    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys[1].record.id, if won[0] { "mine" } else { "yours" });
    assert_eq!(keys[0].record.retire_time, Some(keys[1].record.sign_time));
    assert_eq!(logged(&store).await.len(), 2, "the loser leaves no entry");
}

async fn key_that_does_not_follow_the_last_is_not_added(store: Case) {
    assert!(!add(&store, 2, 0).await, "there is no key before it");
    assert!(add(&store, 1, 0).await && add(&store, 2, 10).await);
    assert!(!add(&store, 1, 20).await && !add(&store, 2, 20).await && !add(&store, 4, 20).await);
    let twin = SigningKeyRecord { id: "key-1".into(), ..key(3, at(20)) };
    assert!(store.add_signing_key(&twin, None, at(120), stamp(), &event()).await.unwrap().is_none());
    assert_eq!((numbers(&store).await, logged(&store).await.len()), (vec![1, 2], 2));
}

async fn killed_key_is_deleted_and_its_kill_is_logged(store: Case) {
    assert!(add(&store, 1, 0).await);
    assert!(store.kill_signing_key("key-1", None, stamp(), &event()).await.unwrap().is_none(), "no key follows it");
    assert!(store.kill_signing_key("key-9", None, stamp(), &event()).await.unwrap().is_none());
    assert!(add(&store, 2, 10).await);
    let killed = store.kill_signing_key("key-1", None, stamp(), &event()).await.unwrap().unwrap();
    assert_eq!((numbers(&store).await, killed.revision), (vec![2], 3));
    assert_eq!(logged(&store).await[2], Revocation::SigningKey("key-1".into()));
    assert!(store.kill_signing_key("key-1", None, stamp(), &event()).await.unwrap().is_none());
    assert!(add(&store, 3, 20).await, "key 3 still follows key 2");
}

async fn last_key_is_killed_only_with_a_successor(store: Case) {
    assert!(add(&store, 1, 0).await && add(&store, 2, 10).await);
    let taken = row(key(2, at(5)), None);
    assert!(store.kill_signing_key("key-2", Some(&taken), stamp(), &event()).await.unwrap().is_none());
    let next = row(key(3, at(5)), Some(b"sealed-3"));
    assert!(store.kill_signing_key("key-9", Some(&next), stamp(), &event()).await.unwrap().is_none());
    assert_eq!(
        (numbers(&store).await, logged(&store).await.len()),
        (vec![1, 2], 2),
        "the refused calls leave no trace"
    );
    let killed = store.kill_signing_key("key-2", Some(&next), stamp(), &event()).await.unwrap();
    assert_eq!((killed.unwrap().revision, numbers(&store).await), (3, vec![1, 3]));
    assert_eq!(store.signing_keys().await.unwrap()[1], next);
    assert_eq!(logged(&store).await[2], Revocation::SigningKey("key-2".into()));
    assert!(
        store.kill_signing_key("key-1", None, stamp(), &event()).await.unwrap().is_some(),
        "key 3 is its successor"
    );
}

async fn waiting_key_signs_once_no_other_does(store: Case) {
    assert!(add(&store, 1, 0).await && add(&store, 2, 7200).await && add(&store, 3, 14_400).await);
    store.kill_signing_key("key-1", None, stamp_at(at(60)), &event()).await.unwrap().unwrap();
    let times: Vec<_> = store.signing_keys().await.unwrap().into_iter().map(|row| row.record.sign_time).collect();
    assert_eq!(times, [at(60), at(14_400)], "the next key signs now, the last key from its old time");
}

async fn private_half_kept_elsewhere_is_added_if_missing(store: Case) {
    assert!(store.add_signing_key(&key(1, at(0)), None, at(100), stamp(), &event()).await.unwrap().is_some());
    assert!(store.seal_signing_key("key-1", b"sealed").await.unwrap());
    assert!(!store.seal_signing_key("key-1", b"other").await.unwrap());
    assert!(!store.seal_signing_key("key-2", b"other").await.unwrap());
    assert_eq!(store.signing_keys().await.unwrap()[0].sealed, Some(b"sealed".to_vec()));
}

async fn private_half_is_wiped_once_its_key_stops_signing(store: Case) {
    assert!(add(&store, 1, 0).await);
    assert!(!store.wipe_signing_key("key-1", at(99)).await.unwrap(), "the key signs");
    assert!(add(&store, 2, 10).await);
    assert!(!store.wipe_signing_key("key-1", at(9)).await.unwrap());
    assert!(store.wipe_signing_key("key-1", at(10)).await.unwrap());
    assert!(!store.wipe_signing_key("key-1", at(10)).await.unwrap());
    let sealed: Vec<_> = store.signing_keys().await.unwrap().into_iter().map(|row| row.sealed).collect();
    assert_eq!(sealed, [None, Some(b"sealed-2".to_vec())]);
}

async fn key_is_forgotten_once_its_tokens_are_dead(store: Case) {
    assert!(add(&store, 1, 0).await && add(&store, 2, 10).await);
    assert!(!store.forget_signing_key("key-1", at(109)).await.unwrap());
    assert!(!store.forget_signing_key("key-2", at(999)).await.unwrap(), "the key signs");
    assert!(store.forget_signing_key("key-1", at(110)).await.unwrap());
    assert_eq!(numbers(&store).await, [2]);
}

async fn reseal_changes_all_keys_or_none(store: Case) {
    assert!(add(&store, 1, 0).await);
    assert!(add(&store, 2, 10).await);
    let seal = |id: &str, from: &[u8], to: &[u8]| SealChange { id: id.into(), from: from.into(), to: to.into() };
    let first = seal("key-1", b"sealed-1", b"other-1");
    let halves =
        async || -> Vec<_> { store.signing_keys().await.unwrap().into_iter().map(|row| row.sealed.unwrap()).collect() };
    assert!(
        !store.reseal_signing_keys(&[first.clone(), seal("key-2", b"sealed-0", b"other-2")], &event()).await.unwrap()
    );
    assert_eq!(halves().await, [b"sealed-1", b"sealed-2"], "all or none");
    assert!(store.reseal_signing_keys(&[first, seal("key-2", b"sealed-2", b"other-2")], &event()).await.unwrap());
    assert_eq!(halves().await, [b"other-1", b"other-2"]);
}

async fn change_without_a_log_entry_is_rolled_back(store: Case) {
    assert!(add(&store, 1, 0).await && add(&store, 2, 10).await);
    let before = store.signing_keys().await.unwrap();
    store.database.refuse("update", "log_head").await;
    assert!(store.add_signing_key(&key(3, at(20)), None, at(120), stamp(), &event()).await.is_err());
    assert!(store.kill_signing_key("key-1", None, stamp(), &event()).await.is_err());
    assert_eq!(store.signing_keys().await.unwrap(), before);
}

on_both_engines!(crate::support::Case:
    key_follows_the_one_before_it,
    one_of_two_concurrent_next_keys_is_added,
    key_that_does_not_follow_the_last_is_not_added,
    killed_key_is_deleted_and_its_kill_is_logged,
    last_key_is_killed_only_with_a_successor,
    waiting_key_signs_once_no_other_does,
    private_half_kept_elsewhere_is_added_if_missing,
    private_half_is_wiped_once_its_key_stops_signing,
    key_is_forgotten_once_its_tokens_are_dead,
    reseal_changes_all_keys_or_none,
    change_without_a_log_entry_is_rolled_back,
);
