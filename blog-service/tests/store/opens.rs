//! Opens the store for its tests.

use blog_service::store::{DatabaseUrl, Store};
use testkit::OpenStore;

pub(crate) struct Opens;

impl OpenStore for Opens {
    type Store = Store;

    async fn open(url: &DatabaseUrl) -> Store {
        Store::open(url).await.unwrap()
    }

    async fn close(store: &Store) {
        store.close().await;
    }
}
