//! Concurrent updates of counters, and concurrent creation of a shared key.

use std::time::Duration;

use auth_service::domain::{Allowance, Failures};
use auth_service::store::AllowanceKind;
use db::secrets;
use testkit::{on_both_engines, start};

use super::at_once;
use crate::support::{Case, wrong};

const ACCOUNT: [u8; 32] = [7; 32];
const ALLOWANCE: Allowance = Allowance { burst: 2, per_minute: 60 };
const ADDRESS: &str = "192.0.2.7";

/// C52: each of several concurrent uses of an allowance is counted.
async fn allowance_used_at_once_is_used_once_each(store: Case) {
    let used = at_once(&store, 20, |store, _| async move {
        store.use_allowance(AllowanceKind::SignUp, ADDRESS, ALLOWANCE, start()).await.unwrap()
    });
    assert_eq!(used.await.into_iter().flatten().count(), 2);
}

/// C52: all concurrent failures are counted.
async fn failures_at_once_are_all_counted(store: Case) {
    let added = at_once(&store, 20, |store, _| async move {
        store.add_failure(wrong(&[ACCOUNT], ALLOWANCE), ADDRESS, start()).await.unwrap();
    });
    added.await;
    assert_eq!(store.failures(&ACCOUNT).await.unwrap(), Some(Failures { count: 20, last: start() }));
    let full = store.allowance(AllowanceKind::Failure, ADDRESS).await.unwrap();
    assert_eq!(full, Some(start() + Duration::from_secs(20)), "the address has all failures, too");
}

/// C52: only one of several concurrent attempts is claimed.
async fn attempts_at_once_claim_one(store: Case) {
    store.add_failure(wrong(&[ACCOUNT], ALLOWANCE), ADDRESS, start()).await.unwrap();
    let seen = store.failures(&ACCOUNT).await.unwrap().unwrap();
    let claimed =
        at_once(&store, 20, move |store, _| async move { store.claim_attempt(&ACCOUNT, seen, start()).await.unwrap() });
    assert_eq!(claimed.await.into_iter().filter(|claimed| *claimed).count(), 1);
    assert_eq!(store.failures(&ACCOUNT).await.unwrap().unwrap().count, 2);
}

async fn concurrent_starts_store_one_page_key(store: Case) {
    let kept = at_once(&store, 20, |store, number| async move {
        let fresh = [u8::try_from(number).unwrap(); 64];
        secrets::page_token_key(store.db(), fresh).await.unwrap()
    });
    let kept = kept.await;
    assert!(kept.iter().all(|key| *key == kept[0]), "{kept:?}");
}

on_both_engines!(crate::support::Case:
    allowance_used_at_once_is_used_once_each,
    failures_at_once_are_all_counted,
    attempts_at_once_claim_one,
    concurrent_starts_store_one_page_key,
);
