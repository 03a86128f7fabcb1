//! Opens the store for its tests.

use auth_service::domain::{EntryFingerprint, LogId, Stamp};
use auth_service::store::{DatabaseUrl, Store};
use testkit::{OpenStore, start};

pub(crate) struct Opens;

impl OpenStore for Opens {
    type Store = Store;

    async fn open(url: &DatabaseUrl) -> Store {
        let store = Store::open(url).await.unwrap();
        let stamp = Stamp { fingerprint: EntryFingerprint([1; 16]), time: start() };
        store.begin_log(LogId([1; 16]), stamp).await.unwrap();
        store
    }

    async fn close(store: &Store) {
        store.close().await;
    }
}
