//! Another program at a service's database, for the tests of what a service does then.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

/// A connection of its own to a database that a service has open.
pub struct Outsider(SqliteConnection);

impl Outsider {
    /// Opens the database that stands at `path`.
    ///
    /// # Panics
    /// When there is none.
    #[expect(clippy::expect_used, reason = "no test can run without it")]
    pub async fn open(path: impl AsRef<Path>) -> Self {
        let options = SqliteConnectOptions::new().filename(path);
        Self(options.connect().await.expect("a database of a running service"))
    }

    /// Runs a statement.
    ///
    /// # Panics
    /// When the database refuses it.
    #[expect(clippy::expect_used, reason = "a test whose fault is not in place shows nothing")]
    pub async fn run(&mut self, statement: &str) {
        self.0.execute(AssertSqlSafe(statement.to_owned())).await.expect("a statement that fits the database");
    }

    /// Takes the lock that every write needs, until [`Outsider::close`].
    ///
    /// # Panics
    /// When somebody else has it for longer than SQLite waits.
    pub async fn lock(&mut self) {
        self.run("begin immediate").await;
    }

    /// Lets go of everything.
    ///
    /// # Panics
    /// When the database does not close.
    #[expect(clippy::expect_used, reason = "a lock that may still stand shows nothing")]
    pub async fn close(self) {
        self.0.close().await.expect("the database closes");
    }
}
