//! Another program that uses a service's SQLite database.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

/// A separate connection to a database that a service has open.
pub struct Outsider(SqliteConnection);

impl Outsider {
    /// Opens the database at `path`.
    ///
    /// # Panics
    /// Panics if there is no database.
    #[expect(clippy::expect_used, reason = "no test can run without it")]
    pub async fn open(path: impl AsRef<Path>) -> Self {
        let options = SqliteConnectOptions::new().filename(path);
        Self(options.connect().await.expect("a database of a running service"))
    }

    /// Runs a statement.
    ///
    /// # Panics
    /// Panics if the database refuses the statement.
    #[expect(clippy::expect_used, reason = "a test whose fault is not in place shows nothing")]
    pub async fn run(&mut self, statement: &str) {
        self.0.execute(AssertSqlSafe(statement.to_owned())).await.expect("a statement that fits the database");
    }

    /// Takes the write lock until [`Outsider::close`].
    ///
    /// # Panics
    /// Panics if another program holds the lock for longer than SQLite waits.
    pub async fn lock(&mut self) {
        self.run("begin immediate").await;
    }

    /// Closes the connection, and releases its locks.
    ///
    /// # Panics
    /// Panics if the close fails.
    #[expect(clippy::expect_used, reason = "a test whose lock may still be held shows nothing")]
    pub async fn close(self) {
        self.0.close().await.expect("the database closes");
    }
}
