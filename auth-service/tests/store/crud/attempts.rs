//! Counts of wrong passwords and registrations survive a restart.

use std::time::Duration;

use auth_service::domain::{Allowance, Client, Failures};
use auth_service::store::{AllowanceKind, FirstSession};
use testkit::{on_both_engines, start};

use crate::support::{Case, event, new_user, session, wrong};

const ACCOUNT: [u8; 32] = [7; 32];
const ALLOWANCE: Allowance = Allowance { burst: 2, per_minute: 60 };
const ADDRESS: &str = "192.0.2.7";

/// C52: failures are counted across a restart until they are cleared.
async fn failures_survive_a_restart_until_cleared(store: Case) {
    assert_eq!(store.failures(&ACCOUNT).await.unwrap(), None);
    for count in 1..=3 {
        let now = start() + Duration::from_secs(u64::try_from(count).unwrap());
        store.add_failure(wrong(&[ACCOUNT], ALLOWANCE), ADDRESS, now).await.unwrap();
        assert_eq!(store.failures(&ACCOUNT).await.unwrap(), Some(Failures { count, last: now }));
    }
    let store = store.reopened().await;
    let seen = store.failures(&ACCOUNT).await.unwrap().unwrap();
    assert_eq!(seen.count, 3);
    for (accounts, wanted) in [
        ([&ACCOUNT, &[8; 32]], [Some(seen), None]),
        ([&[8; 32], &ACCOUNT], [None, Some(seen)]),
        ([&ACCOUNT, &ACCOUNT], [Some(seen); 2]),
    ] {
        assert_eq!(store.failures_of(accounts).await.unwrap(), wanted, "in the order of the accounts");
    }
    let full = store.allowance(AllowanceKind::Failure, ADDRESS).await.unwrap();
    assert_eq!(full, Some(start() + Duration::from_secs(4)), "one use was regained before the next one");
    store.clear_failures(&ACCOUNT).await.unwrap();
    assert_eq!(store.failures(&ACCOUNT).await.unwrap(), None);
}

/// C52: an attempt is claimed once.
async fn attempt_is_claimed_once(store: Case) {
    store.add_failure(wrong(&[ACCOUNT], ALLOWANCE), ADDRESS, start()).await.unwrap();
    let seen = store.failures(&ACCOUNT).await.unwrap().unwrap();
    assert!(store.claim_attempt(&ACCOUNT, seen, start()).await.unwrap());
    assert!(!store.claim_attempt(&ACCOUNT, seen, start()).await.unwrap());
    assert_eq!(store.failures(&ACCOUNT).await.unwrap().unwrap().count, 2);
}

/// C52: an attempt is released if its password was not checked.
async fn attempt_without_an_outcome_is_released(store: Case) {
    store.add_failure(wrong(&[ACCOUNT], ALLOWANCE), ADDRESS, start()).await.unwrap();
    let seen = store.failures(&ACCOUNT).await.unwrap().unwrap();
    let later = start() + Duration::from_secs(9);
    assert!(store.claim_attempt(&ACCOUNT, seen, later).await.unwrap());
    store.release_attempt(&ACCOUNT, seen).await.unwrap();
    assert_eq!(store.failures(&ACCOUNT).await.unwrap(), Some(seen), "the time of the last failure is restored");
    // Another attempt has failed in between: its time stays.
    assert!(store.claim_attempt(&ACCOUNT, seen, later).await.unwrap());
    store.add_failure(wrong(&[ACCOUNT], ALLOWANCE), ADDRESS, later).await.unwrap();
    store.release_attempt(&ACCOUNT, seen).await.unwrap();
    assert_eq!(store.failures(&ACCOUNT).await.unwrap(), Some(Failures { count: 2, last: later }));
}

/// Each kind and address has its own allowance, which is used up and comes back.
async fn allowance_is_used_up_per_kind_and_address(store: Case) {
    let take = async |kind, address, now| store.use_allowance(kind, address, ALLOWANCE, now).await.unwrap();
    for _ in 0..2 {
        assert_eq!(take(AllowanceKind::SignUp, ADDRESS, start()).await, Ok(()));
    }
    assert_eq!(take(AllowanceKind::SignUp, ADDRESS, start()).await, Err(chrono::TimeDelta::seconds(1)));
    assert_eq!(take(AllowanceKind::Failure, ADDRESS, start()).await, Ok(()));
    assert_eq!(take(AllowanceKind::SignUp, "192.0.2.8", start()).await, Ok(()));
    assert_eq!(take(AllowanceKind::SignUp, ADDRESS, start() + Duration::from_secs(1)).await, Ok(()));
}

/// C53: an address is known by the sessions that began there.
async fn address_is_known_by_its_sessions(store: Case) {
    let ada = new_user(1, "ada@example.com");
    let client = Client { peer: ADDRESS.into(), user_agent: String::new() };
    store
        .create_user(&ada, Some(FirstSession { session: &session(10, &ada), client: &client }), None, &event())
        .await
        .unwrap();
    assert!(store.login_trial("ada@example.com", ADDRESS).await.unwrap().is_at_home);
    assert!(!store.login_trial("ada@example.com", "192.0.2.8").await.unwrap().is_at_home);
    assert!(!store.login_trial("bob@example.com", ADDRESS).await.unwrap().is_at_home);
    assert!(store.login_trial("", ADDRESS).await.unwrap().is_network_known);
    assert!(!store.login_trial("", "192.0.2.8").await.unwrap().is_network_known);
    let client = Client { peer: "2001:db8:1:2:3:4:5:6".into(), user_agent: String::new() };
    assert!(store.create_session(&session(11, &ada), &client, &event()).await.unwrap());
    assert!(store.login_trial("ada@example.com", "2001:db8:1:2::").await.unwrap().is_at_home, "by network");
}

async fn account_without_failures_has_no_claim(store: Case) {
    let seen = Failures { count: 1, last: start() };
    assert!(!store.claim_attempt(&ACCOUNT, seen, start()).await.unwrap());
    store.release_attempt(&ACCOUNT, seen).await.unwrap();
    store.clear_failures(&ACCOUNT).await.unwrap();
    assert_eq!(store.failures(&ACCOUNT).await.unwrap(), None);
    // An address without an account is counted too.
    let now = start() + Duration::from_micros(123_456);
    store.add_failure(wrong(&[], ALLOWANCE), ADDRESS, now).await.unwrap();
    let full = now + Duration::from_secs(1);
    assert_eq!(store.allowance(AllowanceKind::Failure, ADDRESS).await.unwrap(), Some(full), "exact to the microsecond");
    assert_eq!(store.allowance(AllowanceKind::SignUp, ADDRESS).await.unwrap(), None);
    assert!(!store.login_trial("", "").await.unwrap().is_at_home);
}

async fn expired_counts_are_removed_a_few_at_a_time(store: Case) {
    for account in 0..20 {
        let address = format!("192.0.2.{account}");
        store.add_failure(wrong(&[[account; 32]], ALLOWANCE), &address, start()).await.unwrap();
    }
    let later = start() + Duration::from_hours(24);
    store.add_failure(wrong(&[], ALLOWANCE), "198.51.100.1", later).await.unwrap();
    let (mut accounts, mut addresses) = (0, 0);
    for account in 0..20 {
        accounts += usize::from(store.failures(&[account; 32]).await.unwrap().is_some());
        let address = format!("192.0.2.{account}");
        addresses += usize::from(store.allowance(AllowanceKind::Failure, &address).await.unwrap().is_some());
    }
    assert_eq!((accounts, addresses), (4, 4), "each call removes sixteen rows");
}

on_both_engines!(crate::support::Case:
    failures_survive_a_restart_until_cleared,
    attempt_is_claimed_once,
    attempt_without_an_outcome_is_released,
    allowance_is_used_up_per_kind_and_address,
    address_is_known_by_its_sessions,
    account_without_failures_has_no_claim,
    expired_counts_are_removed_a_few_at_a_time,
);
