//! Sweeps of ended API keys, and stored uses.

use chrono::{DateTime, TimeDelta, Utc};
use testkit::folder;

use super::{SweepFixture, stamp_at};
use crate::app::ApiKeyUses;
use crate::domain::{API_KEY_RETENTION, ApiKey, ApiKeyDigest, ApiKeyId, Name, NewApiKey, Roles};
use crate::store::{AuthStore, DatabaseUrl};

/// Creates an API key that expires at this time.
async fn api_key(fixture: &SweepFixture, expire_time: DateTime<Utc>) -> ApiKey {
    let (name, roles) = (Name::parse("Export").unwrap(), Roles::default());
    let new = NewApiKey { name, roles, audiences: Vec::new(), expire_time: Some(expire_time) };
    let key = ApiKey::new(ApiKeyId::from_u128(1), new, ApiKeyDigest([7; 32]), fixture.now());
    fixture.store().create_api_key(&key, stamp_at(fixture.now()), &fixture.event()).await.unwrap();
    key
}

#[tokio::test]
async fn ended_api_key_is_deleted_after_a_week() {
    let mut fixture = SweepFixture::start().await;
    let key = api_key(&fixture, fixture.now() + TimeDelta::minutes(1)).await;
    fixture.pass(TimeDelta::minutes(1) + API_KEY_RETENTION - TimeDelta::seconds(1));
    fixture.sweep().await;
    assert!(fixture.store().api_key(key.id).await.unwrap().is_some());
    assert_eq!(fixture.repair.view.api_key_count(), 1);
    fixture.pass(TimeDelta::seconds(1));
    fixture.sweep().await;
    assert_eq!(fixture.store().api_key(key.id).await.unwrap(), None);
    assert_eq!(fixture.repair.view.api_key_count(), 0, "the view forgets the key, too");
}

#[tokio::test]
async fn uses_of_a_failed_flush_are_stored_later() {
    let fixture = SweepFixture::start().await;
    let key = api_key(&fixture, fixture.now() + TimeDelta::days(1)).await;
    let (uses, store) = (ApiKeyUses::default(), fixture.store());
    let last_use = async || store.api_key(key.id).await.unwrap().unwrap().last_used_time;
    uses.flush(store, fixture.now()).await.unwrap();
    assert_eq!(last_use().await, None);
    uses.record(key.id);
    uses.record(key.id);
    let closed = AuthStore::open(&DatabaseUrl::Sqlite(folder().path().join("auth.db"))).await.unwrap();
    closed.close().await;
    uses.flush(&closed, fixture.now()).await.unwrap_err();
    uses.flush(store, fixture.now()).await.unwrap();
    assert_eq!(last_use().await, Some(fixture.now()));
    fixture.pass(TimeDelta::days(1));
    uses.flush(store, fixture.now()).await.unwrap();
    assert_eq!(last_use().await, Some(fixture.now() - TimeDelta::days(1)), "no use since");
}
