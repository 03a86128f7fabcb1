//! Opens the store for its tests.

use blog_service::store::{BlogStore, DatabaseUrl};
use testkit::OpenStore;

pub(crate) struct Opens;

impl OpenStore for Opens {
    type Store = BlogStore;

    async fn open(url: &DatabaseUrl) -> BlogStore {
        BlogStore::open(url, 1 << 20).await.unwrap()
    }

    async fn close(store: &BlogStore) {
        store.close().await;
    }
}
