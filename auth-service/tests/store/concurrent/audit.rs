//! Watchers of the audit log with concurrent writers: each event is seen once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use auth_service::domain::{AuditFilter, Client};
use auth_service::store::AuthStore;
use testkit::on_both_engines;

use super::at_once;
use crate::support::{Case, event, new_user, session, stamp};

const WRITERS: u128 = 8;
const EVENTS: usize = 12;

/// Logs one user in and out, `EVENTS` times in all.
async fn write(store: AuthStore, writer: u128) {
    let user = new_user(writer + 1, &format!("user{writer}@example.com"));
    store.create_user(&user, None, None, &event()).await.unwrap();
    for number in 1..EVENTS as u128 {
        let begun = session(writer * 100 + number, &user);
        if number % 2 == 1 {
            assert!(store.create_session(&begun, &Client::default(), &event()).await.unwrap());
        } else {
            store.end_session(session(writer * 100 + number - 1, &user).id, stamp(), &event()).await.unwrap();
        }
    }
}

/// Follows the log until all writers have ended and there is nothing left. Returns the ids in their order.
async fn watch(store: AuthStore, writers: Arc<AtomicUsize>) -> Vec<u128> {
    let (mut seen, mut position) = (Vec::new(), 0);
    loop {
        let is_last = writers.load(SeqCst) == 0;
        let placed = store.place_audit_events().await.unwrap();
        let events = store.audit_events_after(position, 7).await.unwrap();
        position = events.last().map_or(position, |last| last.position);
        if is_last && placed == 0 && events.is_empty() {
            return seen;
        }
        seen.extend(events.into_iter().map(|placed| placed.event.id.as_u128()));
        tokio::task::yield_now().await;
    }
}

async fn watchers_see_each_event_once(store: Case) {
    let writers = Arc::new(AtomicUsize::new(usize::try_from(WRITERS).unwrap()));
    let watching: Vec<_> = (0..3).map(|_| tokio::spawn(watch(store.clone(), Arc::clone(&writers)))).collect();
    let left = Arc::clone(&writers);
    at_once(&store, WRITERS, move |store, writer| {
        let left = Arc::clone(&left);
        async move {
            write(store, writer).await;
            left.fetch_sub(1, SeqCst);
        }
    })
    .await;
    let stored = store.list_audit_events(&AuditFilter::default(), None, 1000).await.unwrap();
    let stored: HashSet<u128> = stored.iter().map(|event| event.id.as_u128()).collect();
    assert_eq!(stored.len(), EVENTS * usize::try_from(WRITERS).unwrap());
    let mut orders = Vec::new();
    for watcher in watching {
        let seen = watcher.await.unwrap();
        assert_eq!(seen.len(), stored.len(), "an event was missed or seen twice");
        assert_eq!(seen.iter().copied().collect::<HashSet<_>>(), stored);
        orders.push(seen);
    }
    assert!(orders.iter().all(|order| *order == orders[0]), "all watchers see one order");
}

/// A writer that commits late is not missed, although an event with a newer id already has a position.
async fn late_commit_is_not_missed(store: Case) {
    let placed = async || {
        while store.place_audit_events().await.unwrap() > 0 {}
        store.audit_events_after(0, 10).await.unwrap()
    };
    let (early, later) = (event(), event());
    let (early, later) = if early.id < later.id { (early, later) } else { (later, early) };
    store.record_audit_event(&later).await.unwrap();
    let before = placed().await;
    assert_eq!(before.iter().map(|placed| placed.event.id).collect::<Vec<_>>(), [later.id]);
    store.record_audit_event(&early).await.unwrap();
    let after = placed().await;
    assert_eq!(after.iter().map(|placed| placed.event.id).collect::<Vec<_>>(), [later.id, early.id]);
    assert_eq!(after.last().unwrap().position, 2);
}

on_both_engines!(crate::support::Case:
    watchers_see_each_event_once,
    late_commit_is_not_missed,
);
