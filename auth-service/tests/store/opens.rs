//! Opens the store for its tests.

use auth_service::domain::{EntryFingerprint, LogId, Stamp};
use auth_service::store::{AuthStore, DatabaseUrl};
use testkit::{OpenStore, start};

pub(crate) struct Opens;

impl OpenStore for Opens {
    type Store = AuthStore;

    async fn open(url: &DatabaseUrl) -> AuthStore {
        let store = AuthStore::open(url).await.unwrap();
        let stamp = Stamp { fingerprint: EntryFingerprint([1; 16]), time: start() };
        store.begin_log(LogId([1; 16]), stamp).await.unwrap();
        store
    }

    async fn close(store: &AuthStore) {
        store.close().await;
    }
}
