//! A store on a database that vanishes, and rows for it.

use std::ops::Deref;
use std::time::Duration;

use auth_service::domain::{Email, Name, NewUser, Roles, Session};
use auth_service::store::{DatabaseUrl, Store};
use kit::testing::{folder, start};
use tempfile::TempDir;
use uuid::Uuid;

/// A store on a database that vanishes with it.
pub(crate) struct Case {
    store: Store,
    url: DatabaseUrl,
    place: Place,
}

/// Where the database lies; dropped after the store.
#[expect(dead_code, reason = "held until the case has ended")]
enum Place {
    Folder(TempDir),
    Database(harness::postgres::Database),
}

impl Case {
    pub(crate) async fn sqlite() -> Self {
        let folder = folder();
        Self::open(DatabaseUrl::file(folder.path().join("auth.db")), Place::Folder(folder)).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let database = harness::postgres::database().await?;
        Some(Self::open(database.url.parse().unwrap(), Place::Database(database)).await)
    }

    async fn open(url: DatabaseUrl, place: Place) -> Self {
        Self { store: Store::open(&url).await.unwrap(), url, place }
    }

    /// The same after a restart.
    pub(crate) async fn reopened(self) -> Self {
        let Self { store, url, place } = self;
        store.close().await;
        drop(store);
        Self::open(url, place).await
    }
}

impl Deref for Case {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

pub(crate) fn new_user(id: u128, email: &str) -> NewUser {
    NewUser {
        id: Uuid::from_u128(id),
        name: Name::parse("Ada").unwrap(),
        email: Email::parse(email).unwrap(),
        password_hash: "$argon2id$".into(),
        roles: Roles::default(),
        create_time: start(),
    }
}

pub(crate) fn session(id: u128, user: &NewUser) -> Session {
    Session {
        id: Uuid::from_u128(id),
        user_id: user.id,
        generation: 1,
        create_time: start(),
        expire_time: start() + Duration::from_hours(24 * 30),
    }
}
