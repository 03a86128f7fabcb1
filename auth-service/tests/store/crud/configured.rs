//! Settings that the service remembers at its start. A changed secret or issuer kills the earlier tokens.

use std::time::Duration;

use auth_service::domain::{AuditFilter, LogId, Revocation};
use auth_service::store::Remembered;
use testkit::{on_both_engines, start};

use crate::support::{Case, event, event_at, stamp};

/// Returns the entries of the log after its first one.
async fn logged(store: &Case) -> Vec<Revocation> {
    let mut reader = store.log_reader();
    let page = reader.poll(1).await.unwrap();
    reader.close().await;
    page.entries.into_iter().map(|entry| entry.revocation).collect()
}

async fn replaced_secret_gets_a_revocation(store: Case) {
    for (id, killed) in [("a", None), ("a", None), ("b", Some("a")), ("", Some("b")), ("", None), ("c", None)] {
        let before = logged(&store).await.len();
        let remembered = store.remember_secret_key(id, stamp(), &event()).await.unwrap();
        assert_eq!(matches!(remembered, Remembered::Replaced(_)), killed.is_some(), "{id}");
        let new: Vec<_> = logged(&store).await.into_iter().skip(before).collect();
        let expected = killed.map(|id| [Revocation::SigningKey(id.into()), Revocation::NewSigningKeys]);
        assert_eq!(new, expected.into_iter().flatten().collect::<Vec<_>>(), "{id}");
    }
    let events = store.list_audit_events(&AuditFilter::default(), None, 10).await.unwrap();
    let mut subjects: Vec<_> = events.into_iter().map(|event| event.subject).collect();
    subjects.sort();
    assert_eq!(subjects, ["key:a", "key:b"], "only replacements have events");
    let store = store.reopened().await;
    assert_eq!(store.remember_secret_key("c", stamp(), &event()).await.unwrap(), Remembered::Same);
    assert!(matches!(store.remember_secret_key("d", stamp(), &event()).await.unwrap(), Remembered::Replaced(_)));
}

/// A dead secret may be used again when its tokens have expired. Until then, its use does not kill the current secret.
async fn dead_secret_kills_no_other_and_may_come_back(store: Case) {
    store.remember_secret_key("a", stamp(), &event()).await.unwrap();
    store.remember_secret_key("b", stamp(), &event()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(store.remember_secret_key("a", stamp(), &event()).await.unwrap(), Remembered::Dead);
        assert_eq!(store.remember_secret_key("b", stamp(), &event()).await.unwrap(), Remembered::Same, "b stays valid");
    }
    assert!(store.has_killed_signing_key("a").await.unwrap() && !store.has_killed_signing_key("b").await.unwrap());
    // The replacement logged two entries, and only the last entry of the log is never pruned. So pruning forgets the
    // secret.
    assert!(store.prune_log(start()).await.unwrap() > 0);
    assert!(!store.has_killed_signing_key("a").await.unwrap());
    assert!(matches!(store.remember_secret_key("a", stamp(), &event()).await.unwrap(), Remembered::Replaced(_)));
}

/// A replaced secret stays remembered if its tokens cannot be killed.
async fn replaced_secret_that_cannot_be_killed_is_kept(store: Case) {
    store.remember_secret_key("a", stamp(), &event()).await.unwrap();
    store.database.refuse("update", "log_head").await;
    store.remember_secret_key("b", stamp(), &event()).await.unwrap_err();
    store.database.accept("log_head").await;
    assert!(matches!(store.remember_secret_key("b", stamp(), &event()).await.unwrap(), Remembered::Replaced(_)));
}

/// Another issuer starts another log with a horizon that kills earlier tokens.
async fn another_issuer_starts_another_log(store: Case) {
    let later = start() + Duration::from_secs(9);
    let remember =
        async |issuer: &str, log: u8| store.remember_issuer(issuer, LogId([log; 16]), &event_at(later)).await.unwrap();
    assert!(!remember("gatepost", 2).await && !remember("gatepost", 3).await, "the first issuer starts no other log");
    assert!(remember("https://auth.example", 4).await && !remember("https://auth.example", 5).await);
    assert_eq!(store.list_audit_events(&AuditFilter::default(), None, 10).await.unwrap().len(), 1, "for the change");
    let mut reader = store.log_reader();
    let page = reader.poll(0).await.unwrap();
    assert_eq!((page.log, page.horizon.until), (LogId([4; 16]), later));
    // A horizon never moves back, even if a replica's clock is behind.
    assert!(store.remember_issuer("gatepost", LogId([6; 16]), &event()).await.unwrap());
    let page = reader.poll(0).await.unwrap();
    reader.close().await;
    assert_eq!((page.log, page.horizon.until), (LogId([6; 16]), later));
}

on_both_engines!(crate::support::Case:
    replaced_secret_gets_a_revocation,
    dead_secret_kills_no_other_and_may_come_back,
    replaced_secret_that_cannot_be_killed_is_kept,
    another_issuer_starts_another_log,
);
