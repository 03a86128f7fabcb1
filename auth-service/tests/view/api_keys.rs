//! API keys in the view: as new as the log, at each replica.

use std::time::Duration;

use auth_service::domain::{ApiKey, ApiKeyDigest, ApiKeyId, ApiKeyState, LogId, Name, NewApiKey, Roles};
use chrono::TimeDelta;
use testkit::{on_both_engines, start};

use crate::replica::{Case, Replica, event, stamp};

fn key(id: u128) -> ApiKey {
    let (name, roles) = (Name::parse("Export").unwrap(), Roles::default());
    let new = NewApiKey { name, roles, audiences: Vec::new(), expire_time: None };
    ApiKey::new(ApiKeyId::from_u128(id), new, ApiKeyDigest([7; 32]), start())
}

async fn create(store: &Case, id: u128) -> ApiKey {
    let key = key(id);
    store.create_api_key(&key, stamp(), &event()).await.unwrap();
    key
}

/// Returns the key as the replica knows it.
fn known(replica: &Replica, key: &ApiKey) -> Option<ApiKey> {
    replica.view.api_key(key.id).as_deref().cloned()
}

async fn key_is_known_as_soon_as_its_entry(store: Case) {
    let old = create(&store, 1).await;
    let (here, there) = (Replica::start(&store).await, Replica::start(&store).await);
    assert_eq!((known(&here, &old), known(&there, &old)), (Some(old.clone()), Some(old.clone())), "from the start");
    let new = key(2);
    let logged = store.create_api_key(&new, stamp(), &event()).await.unwrap();
    here.view.reach(logged).await.unwrap();
    assert_eq!((known(&here, &new), here.view.api_key_count()), (Some(new.clone()), 2));
    let revoked = new.revoked(start());
    let logged = store.replace_api_key(&new, &revoked, stamp(), &event()).await.unwrap().unwrap();
    there.view.reach(logged).await.unwrap();
    assert_eq!(known(&there, &new), Some(revoked));
}

async fn deleted_key_leaves_the_view(store: Case) {
    let old = create(&store, 1).await;
    store.replace_api_key(&old, &old.revoked(start()), stamp(), &event()).await.unwrap().unwrap();
    let kept = create(&store, 2).await;
    let replica = Replica::start(&store).await;
    assert_eq!(replica.view.api_key_count(), 2);
    assert_eq!(store.sweep_api_keys(start(), stamp).await.unwrap(), 1);
    replica.view.poll_again().await.unwrap();
    assert_eq!((known(&replica, &old), known(&replica, &kept)), (None, Some(kept)));
}

async fn all_keys_are_read_again_after_a_restore(store: Case) {
    let old = create(&store, 1).await;
    let replica = Replica::start(&store).await;
    assert_eq!(store.revoke_every_api_key(start()).await.unwrap(), 1);
    replica.view.poll_again().await.unwrap();
    assert_eq!(known(&replica, &old), Some(old.clone()), "no entry tells of the restore");
    replica.clock.advance(Duration::from_secs(3));
    store.renew_log(LogId([9; 16]), start() + TimeDelta::seconds(3)).await.unwrap();
    replica.view.poll_again().await.unwrap();
    assert_eq!(known(&replica, &old).unwrap().state(start()), ApiKeyState::Revoked);
}

async fn lost_revocation_is_made_again(store: Case) {
    let (revoked, kept) = (create(&store, 1).await, create(&store, 2).await);
    let replica = Replica::start(&store).await;
    let logged = store.replace_api_key(&revoked, &revoked.revoked(start()), stamp(), &event()).await.unwrap().unwrap();
    replica.view.reach(logged).await.unwrap();
    replica.clock.advance(Duration::from_secs(5));
    // A failover to a copy that lacks the revocation.
    let lost = "delete from revocations where revision >= 1";
    let back = "update api_keys set revision = 1, revoke_time = null, over_time = null";
    store.database.run(&format!("begin; {lost}; update log_head set revision = 1; {back}; commit")).await;
    replica.view.poll_again().await.unwrap();
    replica.view.poll_again().await.unwrap();
    for key in [store.api_key(revoked.id).await.unwrap(), known(&replica, &revoked)] {
        assert_eq!(key.unwrap().state(start()), ApiKeyState::Revoked);
    }
    assert_eq!(store.api_key(kept.id).await.unwrap(), Some(kept));
}

async fn view_without_its_keys_verifies_nothing(store: Case) {
    let replica = Replica::start(&store).await;
    let before = replica.view.position().unwrap();
    store.database.run("alter table api_key_secrets rename to gone").await;
    store
        .database
        .run(
            "update log_head set revision = revision + 1, kind = 'signing-key', \
        subject = 'gp_00000000000000000000000000000001_1'",
        )
        .await;
    // A poll that began before the entry may still succeed.
    while replica.view.poll_again().await.is_ok() {}
    assert_eq!(replica.view.position().unwrap_or(before), before, "the position waits for the keys");
    store.database.run("alter table gone rename to api_key_secrets").await;
    while replica.view.refresh().await.is_err() || replica.view.position().unwrap() == before {
        tokio::task::yield_now().await;
    }
}

on_both_engines!(crate::replica::Case:
    key_is_known_as_soon_as_its_entry,
    deleted_key_leaves_the_view,
    all_keys_are_read_again_after_a_restore,
    lost_revocation_is_made_again,
    view_without_its_keys_verifies_nothing,
);
