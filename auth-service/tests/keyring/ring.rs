//! A keyring on a test database, with its key file in a folder of its own.

use std::path::Path;

use auth_service::domain::{LogId, Revocation};
use auth_service::keys::model::{Key, KeySet, KeyType, Pkcs8};
use auth_service::keys::rotation::Keyring;
use auth_service::keys::storage::{KeyFile, KeyStorage, MasterKey};
use auth_service::store::AuthStore;
use chrono::{DateTime, Utc};
use kit::Clock;

use crate::opens::Opens;

pub(crate) type Case = testkit::StoreCase<Opens>;

pub(crate) const OURS: &str = "Ygr7Mt/clGdk1xhyomNNC5pbaBXl1fYHFhWI8wqwnMg=";
pub(crate) const OTHERS: &str = "ZpKG7+k6QBFqr3RXEfmsHP/tbd7JmEctl2NGIb1KT3k=";

pub(crate) fn master(text: &str) -> MasterKey {
    MasterKey::parse(&text.into()).unwrap()
}

pub(crate) fn sealed() -> KeyStorage {
    KeyStorage::Sealed { master: master(OURS), file: None }
}

pub(crate) fn file_in(folder: &Path) -> KeyFile {
    KeyFile::beside(&folder.join("auth.db"))
}

pub(crate) fn document() -> Pkcs8 {
    Key::generate_pkcs8(KeyType::default()).unwrap()
}

pub(crate) fn id_of(pkcs8: &Pkcs8) -> String {
    Key::from_pkcs8(pkcs8).unwrap().id().to_owned()
}

/// Returns a keyring that has read its keys.
pub(crate) async fn ring(store: &AuthStore, clock: &Clock, storage: KeyStorage) -> Keyring {
    let ring = Keyring::new(store.clone(), clock.clone(), storage);
    ring.begin(KeyType::default()).await.unwrap();
    ring
}

/// Returns the id of the key that signs at this time.
pub(crate) fn signs(ring: &Keyring, time: DateTime<Utc>) -> String {
    ring.keys().at(time).signing().unwrap().id().to_owned()
}

/// Returns the ids of the keys that are listed at this time, the signing one first. Each of them verifies.
pub(crate) fn listed(ring: &Keyring, time: DateTime<Utc>) -> Vec<String> {
    let set: &KeySet = &ring.keys().at(time);
    let ids: Vec<_> = set.public().iter().map(|key| key.id.clone()).collect();
    assert!(ids.iter().all(|id| set.find(id).is_some()));
    ids
}

/// Returns the entries of the log after its first one.
pub(crate) async fn logged(store: &AuthStore) -> Vec<Revocation> {
    let mut reader = store.log_reader();
    let page = reader.poll(1).await.unwrap();
    reader.close().await;
    assert_eq!(page.log, LogId([1; 16]));
    page.entries.into_iter().map(|entry| entry.revocation).collect()
}
