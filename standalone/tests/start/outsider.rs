//! Another program that opens a service's database, on either engine. It creates databases of earlier versions, and
//! inspects the result of a start.

use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, SqliteConnection};
use testkit::postgres::PostgresDatabase;

use tempfile::TempDir;

use super::service::{Which, file};

/// An empty database of a test's own.
pub(super) enum Home {
    File(TempDir),
    Server(PostgresDatabase),
}

impl Home {
    /// Returns one database of each available engine.
    pub(super) async fn all() -> Vec<Self> {
        let server = testkit::postgres::database().await.map(Self::Server);
        [Self::File(tempfile::tempdir().unwrap())].into_iter().chain(server).collect()
    }

    pub(super) fn url(&self) -> String {
        match self {
            Self::File(folder) => file(&folder.path().join("a.db")),
            Self::Server(database) => database.url.clone(),
        }
    }

    pub(super) async fn outsider(&self) -> Outsider {
        match self {
            Self::File(folder) => Outsider::of_file(&folder.path().join("a.db")).await,
            Self::Server(database) => Outsider::of_server(&database.url).await,
        }
    }
}

/// A connection.
pub(super) enum Outsider {
    File(SqliteConnection),
    Server(PgConnection),
}

impl Outsider {
    /// Connects to a file, and creates it if it is missing.
    pub(super) async fn of_file(path: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        Self::File(SqliteConnection::connect_with(&options).await.unwrap())
    }

    /// Connects to a server's database.
    pub(super) async fn of_server(url: &str) -> Self {
        Self::Server(PgConnection::connect(url).await.unwrap())
    }

    /// Runs statements.
    pub(super) async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::File(connection) => drop(connection.execute(sql).await.unwrap()),
            Self::Server(connection) => drop(connection.execute(sql).await.unwrap()),
        }
    }

    /// Returns the texts of a query with one column.
    pub(super) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        match self {
            Self::File(connection) => sqlx::query_scalar(query).fetch_all(connection).await.unwrap(),
            Self::Server(connection) => sqlx::query_scalar(query).fetch_all(connection).await.unwrap(),
        }
    }

    /// Creates the database of an earlier version, with the first migrations and rows from the first one's time.
    pub(super) async fn make_older(&mut self, which: Which, last: i64) {
        self.migrate_to(which, 1).await;
        self.fill(which).await;
        self.migrate_to(which, last).await;
    }

    /// Applies the migrations of the service up to `last`, as an earlier version did.
    pub(super) async fn migrate_to(&mut self, which: Which, last: i64) {
        let mut all = Migrator::new(self.folder(which)).await.unwrap();
        for migration in all.migrations.to_mut() {
            // A transaction cannot create an index concurrently. No calls run here, so a plain index will do.
            let sql = migration.sql.as_str().replace("index concurrently", "index");
            migration.sql = AssertSqlSafe(sql).into_sql_str();
        }
        match self {
            Self::File(connection) => all.run_direct(Some(last), &mut *connection, false).await.unwrap(),
            Self::Server(connection) => all.run_direct(Some(last), &mut *connection, false).await.unwrap(),
        }
    }

    /// Inserts the rows that [`Self::check`] expects; they need the first migration only.
    pub(super) async fn fill(&mut self, which: Which) {
        const TIME: &str = "'2026-01-01T00:00:00+00:00'";
        // The sweep would delete expired rows.
        const LATER: &str = "'2926-01-01T00:00:00+00:00'";
        let [ada, bob, session] = [1, 2, 3].map(|number| match self {
            Self::File(_) => format!("x'0190000000007000800000000000000{number}'"),
            Self::Server(_) => format!("'01900000-0000-7000-8000-00000000000{number}'"),
        });
        let rows = match which {
            Which::Auth => format!(
                "insert into users (id, name, email, email_key, password_hash, roles, state, generation, \
                     sessions_since, revision, create_time, update_time) values \
                     ({ada}, 'Ada', 'ada@example.com', 'ada@example.com', '-', 'admin editor', 'active', 1, 1, 1, {TIME}, {TIME}), \
                     ({bob}, 'Bob', 'bob@example.com', 'bob@example.com', '-', '', 'active', 1, 1, 1, {TIME}, {TIME}); \
                 insert into sessions (id, user_id, generation, create_time, expire_time) values \
                     ({session}, {ada}, 1, {TIME}, {LATER})"
            ),
            Which::Blog => format!(
                "insert into posts (id, owner_id, title, revision, create_time, update_time, content) values \
                     ({ada}, {bob}, 'Hello', 1, {TIME}, {TIME}, 'First post.')"
            ),
        };
        self.run(&rows).await;
    }

    /// Checks that every migration is applied, and that a filled database has every row with its derived values.
    pub(super) async fn check(&mut self, which: Which, filled: bool) {
        let applied = "select version || ' ' || description from _sqlx_migrations where success order by version";
        let names = names(&self.folder(which));
        assert_eq!(self.texts(applied).await, names, "all migrations, each once");
        let (rows, expected): (_, &[&str]) = match which {
            Which::Auth => (
                "select 'user ' || name || ': ' || roles || ', ' || state from users \
                 union all select 'role of ' || name || ': ' || role from user_roles join users on id = user_id \
                 union all select 'session of ' || name || ' from ' || peer || '.' \
                     from sessions join users on users.id = user_id order by 1",
                &[
                    "role of Ada: admin",
                    "role of Ada: editor",
                    "session of Ada from .",
                    "user Ada: admin editor, active",
                    "user Bob: , active",
                ],
            ),
            Which::Blog => (
                "select title || ': ' || content || ' ' || state || coalesce(slug, ' without a slug') || \
                     case when publish_time = create_time then ' when it was created' else '' end from posts",
                &["Hello: First post. published without a slug when it was created"],
            ),
        };
        assert_eq!(self.texts(rows).await, if filled { expected } else { &[] });
        if let Self::File(_) = self {
            assert_eq!(self.texts("pragma integrity_check").await, ["ok"]);
        }
    }

    /// Returns everything that a start could change: tables with their columns, migrations, secrets.
    pub(super) async fn all(&mut self) -> Vec<String> {
        let schema = match self {
            Self::File(_) => "select type || ' ' || name || ': ' || coalesce(sql, '') from sqlite_schema order by 1",
            Self::Server(_) => {
                "select table_name || '.' || column_name || ': ' || data_type from information_schema.columns \
                 where table_schema = 'public' order by 1"
            }
        };
        let mut all = self.texts(schema).await;
        for table in ["_sqlx_migrations", "secrets"] {
            if all.iter().any(|line| line.contains(table)) {
                let bytes = if table == "secrets" { "name || ' '" } else { "version || ' ' || description" };
                all.extend(self.texts(&format!("select {bytes} from {table} order by 1")).await);
            }
        }
        all
    }

    fn folder(&self, which: Which) -> PathBuf {
        let engine = if let Self::File(_) = self { "sqlite" } else { "postgres" };
        migrations(which, engine)
    }
}

/// Returns the number of the service's migrations.
pub(super) fn count(which: Which) -> i64 {
    i64::try_from(names(&migrations(which, "sqlite")).len()).unwrap()
}

fn migrations(which: Which, engine: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join(format!("{}-service/migrations/{engine}", which.name()))
}

/// Returns the migrations of a folder, as their table names them.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let files = entries.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "sql"));
    let mut files: Vec<_> = files.collect();
    // In order of their zero-padded numbers.
    files.sort();
    files.iter().map(|name| name.trim_start_matches('0').trim_end_matches(".sql").replace('_', " ")).collect()
}
