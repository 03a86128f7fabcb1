//! A store on a database that vanishes, and rows for it.

use std::ops::Deref;
use std::time::Duration;

use auth_service::domain::{Email, Name, NewUser, Roles, Session};
use auth_service::store::{DatabaseUrl, Store};
use harness::statements::{Statement, scans_of_file, scans_of_server};
use kit::testing::{Outsider, folder, start};
use tempfile::TempDir;
use uuid::Uuid;

/// A store on a database that vanishes with it.
pub(crate) struct Case {
    store: Store,
    url: DatabaseUrl,
    place: Place,
}

/// Where the database lies; dropped after the store.
enum Place {
    Folder(#[expect(dead_code, reason = "the folder goes with it")] TempDir),
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

    /// Makes the database refuse every row that is to be inserted into, updated in or deleted from a table.
    pub(crate) async fn refuse(&self, verb: &str, table: &str) {
        match &self.place {
            Place::Folder(_) => {
                let sql = "begin select raise(abort, 'refused'); end";
                let mut outsider = Outsider::open(self.url.path().unwrap()).await;
                outsider.run(&format!("create trigger refuse_it before {verb} on {table} {sql}")).await;
                outsider.close().await;
            }
            Place::Database(database) => {
                let sql = "create or replace function refuse_it() returns trigger language plpgsql as $$ \
                     begin raise exception 'refused'; end $$";
                database.run(sql).await;
                let sql = "for each row execute function refuse_it()";
                database.run(&format!("create trigger refuse_it before {verb} on {table} {sql}")).await;
            }
        }
    }

    /// Ends [`Case::refuse`].
    pub(crate) async fn accept(&self, table: &str) {
        match &self.place {
            Place::Folder(_) => {
                let mut outsider = Outsider::open(self.url.path().unwrap()).await;
                outsider.run("drop trigger refuse_it").await;
                outsider.close().await;
            }
            Place::Database(database) => database.run(&format!("drop trigger refuse_it on {table}")).await,
        }
    }

    /// Those of the statements that walk through a table.
    pub(crate) async fn scans(&self, statements: &[Statement]) -> Vec<String> {
        match &self.place {
            Place::Folder(_) => scans_of_file(self.url.path().unwrap(), statements).await,
            Place::Database(database) => scans_of_server(&database.url, statements).await,
        }
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
