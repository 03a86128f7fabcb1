//! A store for one test case, on a temporary database.

use std::ops::Deref;

use db::DatabaseUrl;

use super::TestDatabase;

/// Opens and closes the store of a service.
pub trait OpenStore {
    /// Type of the store.
    type Store;

    /// Opens the store.
    fn open(url: &DatabaseUrl) -> impl Future<Output = Self::Store> + Send;

    /// Closes the store.
    fn close(store: &Self::Store) -> impl Future<Output = ()> + Send;
}

/// A store with its temporary database.
pub struct StoreCase<O: OpenStore> {
    // Dropped in this order.
    store: O::Store,
    /// Database of the store.
    pub database: TestDatabase,
}

impl<O: OpenStore> StoreCase<O> {
    /// Opens a store on a SQLite file.
    pub async fn sqlite() -> Self {
        Self::with_database(TestDatabase::sqlite()).await
    }

    /// Opens a store on a SQLite file in memory.
    pub async fn in_memory() -> Self {
        Self::with_database(TestDatabase::in_memory()).await
    }

    /// Opens a store on PostgreSQL; returns `None` if PostgreSQL is skipped.
    pub async fn postgres() -> Option<Self> {
        Some(Self::with_database(TestDatabase::postgres().await?).await)
    }

    /// Closes the store and opens it again.
    pub async fn reopened(self) -> Self {
        let Self { store, database } = self;
        O::close(&store).await;
        drop(store);
        Self::with_database(database).await
    }

    async fn with_database(database: TestDatabase) -> Self {
        Self { store: O::open(&database.url).await, database }
    }
}

impl<O: OpenStore> Deref for StoreCase<O> {
    type Target = O::Store;

    fn deref(&self) -> &O::Store {
        &self.store
    }
}
