//! What a start remembers of its settings, and what it kills when they are others.

use std::time::Duration;

use auth_service::domain::{LogId, Revocation};
use auth_service::store::Remembered;
use testkit::{on_both_engines, start};

use crate::support::{Case, stamp};

/// What the log has after its beginning.
async fn logged(store: &Case) -> Vec<Revocation> {
    let mut reader = store.log_reader();
    let page = reader.look(1).await.unwrap();
    reader.close().await;
    page.entries.into_iter().map(|entry| entry.revocation).collect()
}

async fn a_replaced_secret_is_killed_by_the_log(store: Case) {
    for (id, killed) in [("a", None), ("a", None), ("b", Some("a")), ("", Some("b")), ("", None), ("c", None)] {
        let before = logged(&store).await.len();
        let told = store.remember_secret_key(id, stamp()).await.unwrap();
        assert_eq!(matches!(told, Remembered::Replaced(_)), killed.is_some(), "{id}");
        let new: Vec<_> = logged(&store).await.into_iter().skip(before).collect();
        let expected = killed.map(|id| [Revocation::SigningKey(id.into()), Revocation::NewSigningKeys]);
        assert_eq!(new, expected.into_iter().flatten().collect::<Vec<_>>(), "{id}");
    }
    let store = store.reopened().await;
    assert_eq!(store.remember_secret_key("c", stamp()).await.unwrap(), Remembered::Same);
    assert!(matches!(store.remember_secret_key("d", stamp()).await.unwrap(), Remembered::Replaced(_)));
}

async fn a_secret_that_is_dead_kills_no_other_and_may_come_back_when_its_tokens_have_expired(store: Case) {
    store.remember_secret_key("a", stamp()).await.unwrap();
    store.remember_secret_key("b", stamp()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(store.remember_secret_key("a", stamp()).await.unwrap(), Remembered::Dead);
        assert_eq!(store.remember_secret_key("b", stamp()).await.unwrap(), Remembered::Same, "it lives on");
    }
    assert!(store.has_killed_signing_key("a").await.unwrap() && !store.has_killed_signing_key("b").await.unwrap());
    // Nothing else has to be revoked for it.
    assert!(store.prune_log(start()).await.unwrap() > 0);
    assert!(!store.has_killed_signing_key("a").await.unwrap());
    assert!(matches!(store.remember_secret_key("a", stamp()).await.unwrap(), Remembered::Replaced(_)));
}

async fn a_replaced_secret_that_cannot_be_killed_is_remembered(store: Case) {
    store.remember_secret_key("a", stamp()).await.unwrap();
    store.database.refuse("update", "log_head").await;
    store.remember_secret_key("b", stamp()).await.unwrap_err();
    store.database.accept("log_head").await;
    assert!(matches!(store.remember_secret_key("b", stamp()).await.unwrap(), Remembered::Replaced(_)));
}

async fn another_issuer_makes_another_log_whose_horizon_kills_what_was_issued(store: Case) {
    let later = start() + Duration::from_secs(9);
    let remember = async |issuer: &str, log: u8| store.remember_issuer(issuer, LogId([log; 16]), later).await.unwrap();
    assert!(!remember("gatepost", 2).await && !remember("gatepost", 3).await, "the first one is no other one");
    assert!(remember("https://auth.example", 4).await && !remember("https://auth.example", 5).await);
    let mut reader = store.log_reader();
    let page = reader.look(0).await.unwrap();
    assert_eq!((page.log, page.horizon.until), (LogId([4; 16]), later));
    // A horizon never goes back, whatever a replica's clock says.
    assert!(store.remember_issuer("gatepost", LogId([6; 16]), start()).await.unwrap());
    let page = reader.look(0).await.unwrap();
    reader.close().await;
    assert_eq!((page.log, page.horizon.until), (LogId([6; 16]), later));
}

on_both_engines!(crate::support::Case:
    a_replaced_secret_is_killed_by_the_log,
    a_secret_that_is_dead_kills_no_other_and_may_come_back_when_its_tokens_have_expired,
    a_replaced_secret_that_cannot_be_killed_is_remembered,
    another_issuer_makes_another_log_whose_horizon_kills_what_was_issued,
);
