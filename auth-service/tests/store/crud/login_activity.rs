//! Logins and wrong passwords of several users.

use auth_service::domain::{Allowance, AuditFilter, Client, Failures, Session, UserId};
use auth_service::store::AccountDigest;
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::support::{Case, event, new_user, session, starting, wrong};

const UNLIMITED: Allowance = Allowance { burst: 0, per_minute: 20 };

async fn last_login_is_the_newest_session(store: Case) {
    let (ada, bob) = (new_user(1, "ada@example.com"), new_user(2, "bob@example.com"));
    store.create_user(&ada, Some(starting(&session(10, &ada))), None, &event()).await.unwrap();
    store.create_user(&bob, None, None, &event()).await.unwrap();
    let ids = [ada.id, bob.id, UserId::from_u128(9)];
    assert_eq!(store.last_logins(&ids).await.unwrap(), [(ada.id, start())], "a registration logs in");
    for (id, hours) in [(11, 2), (12, 1)] {
        let begun = Session { create_time: start() + TimeDelta::hours(hours), ..session(id, &ada) };
        assert!(store.create_session(&begun, &Client::default(), &event()).await.unwrap());
    }
    let end = start() + TimeDelta::days(365);
    while store.sweep_sessions(end).await.unwrap() > 0 {}
    let newest = start() + TimeDelta::hours(2);
    assert_eq!(store.last_logins(&ids).await.unwrap(), [(ada.id, newest)], "the time stays without the session");
}

async fn login_before_the_column_is_found(store: Case) {
    let ada = new_user(1, "ada@example.com");
    store.create_user(&ada, Some(starting(&session(10, &ada))), None, &event()).await.unwrap();
    store.database.run("update users set last_login_time = null").await;
    assert_eq!(store.last_logins(&[ada.id]).await.unwrap(), [(ada.id, start())]);
}

async fn failures_are_read_and_cleared_together(store: Case) {
    let accounts: Vec<AccountDigest> = (1..=40).map(|number| [number; 32]).collect();
    store.add_failure(wrong(&accounts[..20], UNLIMITED), "", start()).await.unwrap();
    let mut found = store.all_failures(&accounts).await.unwrap();
    found.sort_unstable_by_key(|(account, _)| *account);
    let one = Failures { count: 1, last: start() };
    assert_eq!(found, accounts[..20].iter().map(|account| (*account, one)).collect::<Vec<_>>());
    store.clear_all_failures(&accounts[2..]).await.unwrap();
    let unlocked = event();
    store.unlock(&accounts[1..], &unlocked).await.unwrap();
    assert_eq!(store.all_failures(&accounts).await.unwrap(), [(accounts[0], one)]);
    let recorded = store.list_audit_events(&AuditFilter::default(), None, 99).await.unwrap();
    assert!(recorded.iter().any(|recorded| recorded.id == unlocked.id), "the unlock is recorded");
}

on_both_engines!(crate::support::Case:
    last_login_is_the_newest_session,
    login_before_the_column_is_found,
    failures_are_read_and_cleared_together,
);
