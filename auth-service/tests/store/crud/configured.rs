//! What a start remembers of its settings, and what it kills when they are others.

use std::time::Duration;

use auth_service::domain::{LogId, Revocation};
use kit::testing::{on_both_engines, start};

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
        assert_eq!(told.is_some(), killed.is_some(), "{id}");
        let new: Vec<_> = logged(&store).await.into_iter().skip(before).collect();
        assert_eq!(new, killed.map(|id| Revocation::SigningKey(id.into())).into_iter().collect::<Vec<_>>(), "{id}");
    }
    let store = store.reopened().await;
    assert!(store.remember_secret_key("c", stamp()).await.unwrap().is_none());
    assert!(store.remember_secret_key("d", stamp()).await.unwrap().is_some());
}

async fn a_replaced_secret_that_cannot_be_killed_is_remembered(store: Case) {
    store.remember_secret_key("a", stamp()).await.unwrap();
    store.database.refuse("update", "log_head").await;
    store.remember_secret_key("b", stamp()).await.unwrap_err();
    store.database.accept("log_head").await;
    assert!(store.remember_secret_key("b", stamp()).await.unwrap().is_some());
}

async fn another_issuer_makes_another_log_whose_horizon_kills_what_was_issued(store: Case) {
    let later = start() + Duration::from_secs(9);
    let remember = async |issuer: &str, log: u8| store.remember_issuer(issuer, LogId([log; 16]), later).await.unwrap();
    assert!(!remember("gatepost", 2).await && !remember("gatepost", 3).await, "the first one is no other one");
    assert!(remember("https://auth.example", 4).await && !remember("https://auth.example", 5).await);
    let mut reader = store.log_reader();
    let page = reader.look(0).await.unwrap();
    assert_eq!((page.log, page.horizon), (LogId([4; 16]), later));
    // A horizon never goes back, whatever a replica's clock says.
    assert!(store.remember_issuer("gatepost", LogId([6; 16]), start()).await.unwrap());
    let page = reader.look(0).await.unwrap();
    reader.close().await;
    assert_eq!((page.log, page.horizon), (LogId([6; 16]), later));
}

on_both_engines!(crate::support::Case:
    a_replaced_secret_is_killed_by_the_log,
    a_replaced_secret_that_cannot_be_killed_is_remembered,
    another_issuer_makes_another_log_whose_horizon_kills_what_was_issued,
);
