//! API keys: rows with their secrets, and the entries of their changes in the log.

use auth_service::domain::{
    ApiKey, ApiKeyChange, ApiKeyDigest, ApiKeyExpiry, ApiKeyId, ApiKeyState, ApiKeyVersion, Name, NewApiKey,
    Revocation, Roles,
};
use chrono::{DateTime, TimeDelta, Utc};
use testkit::{on_both_engines, start};

use crate::support::{Case, event, stamp};

fn at(second: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(second)
}

fn key(id: u128, expire_time: Option<DateTime<Utc>>) -> ApiKey {
    let (name, roles) = (Name::parse("Export").unwrap(), Roles::from_text("editor service"));
    let new = NewApiKey { name, roles, audiences: vec!["blog".into(), "shop".into()], expire_time };
    ApiKey::new(ApiKeyId::from_u128(id), new, ApiKeyDigest([7; 32]), start())
}

async fn create(store: &Case, id: u128, expire_time: Option<DateTime<Utc>>) -> ApiKey {
    let key = key(id, expire_time);
    store.create_api_key(&key, stamp(), &event()).await.unwrap();
    key
}

/// Returns the versions of API keys that the log names, in order.
async fn logged(store: &Case) -> Vec<ApiKeyVersion> {
    let mut reader = store.log_reader();
    let page = reader.poll(0).await.unwrap();
    reader.close().await;
    let version = |revocation| if let Revocation::ApiKey(version) = revocation { Some(version) } else { None };
    page.entries.into_iter().filter_map(|entry| version(entry.revocation)).collect()
}

fn version(id: u128, revision: i32) -> ApiKeyVersion {
    ApiKeyVersion { id: ApiKeyId::from_u128(id), revision }
}

async fn key_is_read_as_written(store: Case) {
    let first = create(&store, 1, Some(at(60))).await;
    let second = create(&store, 2, None).await;
    assert_eq!(store.api_key(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(store.api_key(ApiKeyId::from_u128(9)).await.unwrap(), None);
    let third = create(&store, 3, None).await.rotated(ApiKeyDigest([8; 32]), TimeDelta::hours(1), at(1));
    store.replace_api_key(&key(3, None), &third, stamp(), &event()).await.unwrap().unwrap();
    assert_eq!(store.list_api_keys(None, 2).await.unwrap(), [third.clone(), second.clone()]);
    assert_eq!(store.list_api_keys(Some(second.id), 2).await.unwrap(), std::slice::from_ref(&first));
    let mut reader = store.log_reader();
    assert_eq!(reader.all_api_keys().await.unwrap(), [first.clone(), second, third.clone()]);
    assert_eq!(reader.api_keys(&[third.id, ApiKeyId::from_u128(9), first.id]).await.unwrap(), [first, third]);
    assert_eq!(reader.api_keys(&[]).await.unwrap(), []);
    reader.close().await;
    assert_eq!(logged(&store).await, [version(1, 0), version(2, 0), version(3, 0), version(3, 1)]);
}

async fn change_needs_the_version_that_was_read(store: Case) {
    let first = create(&store, 1, None).await;
    let second = first.rotated(ApiKeyDigest([8; 32]), TimeDelta::hours(1), at(1));
    store.replace_api_key(&first, &second, stamp(), &event()).await.unwrap().unwrap();
    let late = first.revoked(at(2));
    assert_eq!(store.replace_api_key(&first, &late, stamp(), &event()).await.unwrap(), None);
    assert_eq!(store.api_key(first.id).await.unwrap(), Some(second.clone()), "nothing was written");
    let change = ApiKeyChange { roles: Some(Roles::default()), expiry: Some(ApiKeyExpiry::At(at(9))), name: None };
    let third = second.changed(change, at(3));
    store.replace_api_key(&second, &third, stamp(), &event()).await.unwrap().unwrap();
    let fourth = third.revoked(at(4));
    store.replace_api_key(&third, &fourth, stamp(), &event()).await.unwrap().unwrap();
    let read = store.api_key(first.id).await.unwrap().unwrap();
    assert_eq!((read.state(at(0)), &read), (ApiKeyState::Revoked, &fourth));
    assert_eq!(logged(&store).await, [version(1, 0), version(1, 1), version(1, 2), version(1, 3)]);
}

async fn change_without_its_entry_is_undone(store: Case) {
    let first = create(&store, 1, None).await;
    store.database.refuse("update", "log_head").await;
    assert!(store.create_api_key(&key(2, None), stamp(), &event()).await.is_err());
    assert!(store.replace_api_key(&first, &first.revoked(at(1)), stamp(), &event()).await.is_err());
    assert!(store.sweep_api_keys(at(0), stamp).await.unwrap() == 0, "no key is over");
    assert_eq!(store.list_api_keys(None, 9).await.unwrap(), [first]);
    assert_eq!(logged(&store).await, [version(1, 0)]);
}

async fn use_is_stored_once_in_a_while(store: Case) {
    let ids: Vec<ApiKeyId> = (1..=20).map(ApiKeyId::from_u128).collect();
    for id in &ids {
        create(&store, id.as_u128(), None).await;
    }
    let used = async |id: u128| store.api_key(ApiKeyId::from_u128(id)).await.unwrap().unwrap().last_used_time;
    let touch = async |ids: &[ApiKeyId], now, recent| {
        let mut ids = ids.to_vec();
        store.touch_api_keys(&mut ids, now, recent).await.unwrap();
        assert_eq!(ids, []);
    };
    touch(&ids[..19], at(0), at(-900)).await;
    assert_eq!((used(1).await, used(19).await, used(20).await), (Some(at(0)), Some(at(0)), None));
    touch(&ids, at(60), at(-840)).await;
    assert_eq!((used(1).await, used(20).await), (Some(at(0)), Some(at(60))), "a recent use is kept");
    touch(&ids[..1], at(900), at(0)).await;
    assert_eq!(used(1).await, Some(at(900)));
    touch(&ids[..1], at(0), at(-900)).await;
    assert_eq!(used(1).await, Some(at(0)), "a future use, by a wrong clock, is replaced");
    touch(&[], at(0), at(0)).await;
    assert_eq!(store.api_key(ids[0]).await.unwrap().unwrap().revision, 1, "a use is no change");
}

async fn ended_keys_are_swept_with_an_entry(store: Case) {
    create(&store, 1, Some(at(60))).await;
    let second = create(&store, 2, None).await;
    store.replace_api_key(&second, &second.revoked(at(30)), stamp(), &event()).await.unwrap().unwrap();
    create(&store, 3, None).await;
    let extended = create(&store, 4, Some(at(10))).await;
    let never = ApiKeyChange { expiry: Some(ApiKeyExpiry::Never), ..ApiKeyChange::default() };
    store.replace_api_key(&extended, &extended.changed(never, at(5)), stamp(), &event()).await.unwrap().unwrap();
    let before = logged(&store).await.len();
    assert_eq!(store.sweep_api_keys(at(29), stamp).await.unwrap(), 0);
    assert_eq!(store.sweep_api_keys(at(30), stamp).await.unwrap(), 1);
    assert_eq!(store.sweep_api_keys(at(9_999), stamp).await.unwrap(), 1);
    assert_eq!(store.sweep_api_keys(at(9_999), stamp).await.unwrap(), 0);
    let left: Vec<_> = store.list_api_keys(None, 9).await.unwrap().iter().map(|key| key.id.as_u128()).collect();
    assert_eq!(left, [4, 3]);
    assert_eq!(logged(&store).await[before..], [version(2, 2), version(1, 1)]);
}

async fn every_key_is_revoked_after_a_restore(store: Case) {
    let ended = create(&store, 9_999, None).await;
    let ended = (ended.revoked(at(1)), ended);
    store.replace_api_key(&ended.1, &ended.0, stamp(), &event()).await.unwrap().unwrap();
    create(&store, 9_998, Some(at(5))).await;
    // More keys than one statement changes.
    for id in 1..=1001 {
        create(&store, id, None).await;
    }
    assert_eq!(store.revoke_every_api_key(at(60)).await.unwrap(), 1002);
    let mut reader = store.log_reader();
    let keys = reader.all_api_keys().await.unwrap();
    reader.close().await;
    assert_eq!(keys.len(), 1003, "more than one page");
    assert!(keys.iter().all(|key| key.state(at(0)) == ApiKeyState::Revoked));
    assert_eq!(keys[1002], ended.0, "an earlier revocation stays");
    assert_eq!(store.sweep_api_keys(at(5), stamp).await.unwrap(), 2, "the expired and the revoked one");
    assert_eq!(store.revoke_every_api_key(at(61)).await.unwrap(), 0);
}

on_both_engines!(crate::support::Case:
    key_is_read_as_written,
    change_needs_the_version_that_was_read,
    change_without_its_entry_is_undone,
    use_is_stored_once_in_a_while,
    ended_keys_are_swept_with_an_entry,
    every_key_is_revoked_after_a_restore,
);
