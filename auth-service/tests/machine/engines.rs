//! The store on both engines, emptied for each sequence: to make databases anew would take most of the time.

use auth_service::store::{DatabaseUrl, Store};
use kit::testing::{Outsider, folder_in_memory};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};
use tempfile::TempDir;

use super::calls::{Answer, Call};

/// What a sequence is played on.
pub(crate) struct Engines {
    sqlite: Store,
    file: Outsider,
    postgres: Option<Server>,
    _folder: TempDir,
}

struct Server {
    store: Store,
    outsider: PgConnection,
    _database: harness::postgres::Database,
}

const EMPTY: &str = "begin; delete from sessions; delete from user_roles; delete from users; delete from deleted_users; \
     delete from requests; delete from failed_attempts; delete from allowances; delete from secrets; commit";

impl Engines {
    /// SQLite alone.
    pub(crate) async fn sqlite() -> Self {
        let folder = folder_in_memory();
        let file = folder.path().join("auth.db");
        let sqlite = Store::open(&DatabaseUrl::file(file.clone())).await.unwrap();
        Self { sqlite, file: Outsider::open(file).await, postgres: None, _folder: folder }
    }

    /// Both, or SQLite alone where PostgreSQL is skipped.
    pub(crate) async fn both() -> Self {
        let mut engines = Self::sqlite().await;
        if let Some(database) = harness::postgres::database().await {
            let store = Store::open(&database.url.parse().unwrap()).await.unwrap();
            engines.postgres = Some(Server { store, outsider: database.connect().await, _database: database });
        }
        engines
    }

    /// Takes everything out that an earlier sequence has written.
    pub(crate) async fn empty(&mut self) {
        self.file.run(EMPTY).await;
        if let Some(server) = &mut self.postgres {
            server.outsider.execute(AssertSqlSafe(EMPTY)).await.unwrap();
        }
    }

    /// Asks both engines at once.
    ///
    /// # Errors
    /// When one of them does not answer so.
    pub(crate) async fn must_answer(&self, call: &Call, expected: &Answer) -> Result<(), String> {
        let postgres = async {
            match &self.postgres {
                Some(server) => Some(call.ask(&server.store).await),
                None => None,
            }
        };
        let (sqlite, postgres) = tokio::join!(call.ask(&self.sqlite), postgres);
        let is_right = |answer: &Result<_, _>| answer.as_ref().is_ok_and(|answer| answer == expected);
        if is_right(&sqlite) && postgres.as_ref().is_none_or(is_right) {
            return Ok(());
        }
        Err(format!("{call:?}\n  the model:  {expected:?}\n  SQLite:     {sqlite:?}\n  PostgreSQL: {postgres:?}"))
    }

    pub(crate) async fn close(self) {
        self.sqlite.close().await;
        if let Some(server) = self.postgres {
            server.store.close().await;
        }
    }
}
