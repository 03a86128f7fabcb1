//! A store for one case of a suite, on a database that vanishes with it.

use std::ops::Deref;

use db::DatabaseUrl;

use super::TestDatabase;

/// How a service's store is opened and closed.
pub trait OpenStore {
    /// The store.
    type Store;

    /// Opens it.
    fn open(url: &DatabaseUrl) -> impl Future<Output = Self::Store> + Send;

    /// Closes it.
    fn close(store: &Self::Store) -> impl Future<Output = ()> + Send;
}

/// A store and its database.
pub struct StoreCase<O: OpenStore> {
    // Dropped in this order.
    store: O::Store,
    /// The database, for what other programs do to it.
    pub database: TestDatabase,
}

impl<O: OpenStore> StoreCase<O> {
    /// On a file.
    pub async fn sqlite() -> Self {
        Self::on(TestDatabase::sqlite()).await
    }

    /// On a file in the machine's memory.
    pub async fn in_memory() -> Self {
        Self::on(TestDatabase::in_memory()).await
    }

    /// On a server; `None` where PostgreSQL is skipped.
    pub async fn postgres() -> Option<Self> {
        Some(Self::on(TestDatabase::postgres().await?).await)
    }

    /// The same after a restart.
    pub async fn reopened(self) -> Self {
        let Self { store, database } = self;
        O::close(&store).await;
        drop(store);
        Self::on(database).await
    }

    async fn on(database: TestDatabase) -> Self {
        Self { store: O::open(&database.url).await, database }
    }
}

impl<O: OpenStore> Deref for StoreCase<O> {
    type Target = O::Store;

    fn deref(&self) -> &O::Store {
        &self.store
    }
}
