//! Signs of lost commits: found after each kind of loss, and never without one.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use tempfile::TempDir;

use super::super::open::options;
use super::*;
use crate::Sqlite;

static NO_MIGRATIONS: Migrator = Migrator::DEFAULT;

/// A database in use, in a folder of its own.
struct Case {
    folder: TempDir,
    db: Sqlite,
}

impl Case {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = open(folder.path()).await;
        let case = Self { folder, db };
        case.db.write(sqlx::query("create table t (n integer)"), None).await.unwrap();
        case
    }

    /// Stops the service in order.
    async fn stop(self) -> TempDir {
        self.db.close().await;
        self.folder
    }

    /// Returns a copy of the files as a kill would leave them, after three commits.
    async fn killed(&self) -> TempDir {
        for _ in 0..3 {
            self.db.write(sqlx::query("insert into t values (1)"), None).await.unwrap();
        }
        copy(self.folder.path())
    }
}

async fn open(folder: &Path) -> Sqlite {
    Sqlite::open_witnessed(&folder.join("a.db"), &NO_MIGRATIONS).await.unwrap()
}

/// Opens the database, and returns the sign of a loss.
async fn found(folder: &Path) -> Option<LossSign> {
    let db = open(folder).await;
    let loss = db.loss();
    db.close().await;
    loss
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

#[tokio::test]
async fn kill_or_stop_shows_no_loss() {
    let case = Case::new().await;
    let killed = case.killed().await;
    for _ in 0..2 {
        assert_eq!(found(killed.path()).await, None);
    }
    let stopped = case.stop().await;
    assert_eq!(found(stopped.path()).await, None);
    let witness = fs::metadata(stopped.path().join("a.db-witness")).unwrap();
    assert_eq!((witness.len(), witness.permissions().mode() & 0o777), (96, 0o600));
}

#[tokio::test]
async fn lost_log_is_found_until_it_is_accepted() {
    let case = Case::new().await;
    let killed = case.killed().await;
    fs::remove_file(killed.path().join("a.db-wal")).unwrap();
    for _ in 0..2 {
        let sign = found(killed.path()).await;
        assert!(matches!(sign, Some(LossSign::Behind { database: 1, witness: 4 })), "{sign:?}");
    }
    let db = open(killed.path()).await;
    db.accept_loss().await.unwrap();
    db.write(sqlx::query("create table u (n integer)"), None).await.unwrap();
    let again = copy(killed.path());
    assert_eq!(found(again.path()).await, None, "the new line has a witness");
    fs::remove_file(again.path().join("a.db-witness")).unwrap();
    assert_eq!(found(again.path()).await, None, "the last stop was in order");
    let again = copy(killed.path());
    fs::remove_file(again.path().join("a.db-witness")).unwrap();
    assert_eq!(found(again.path()).await, Some(LossSign::Missing));
    db.close().await;
}

/// A commit that changes nothing is not counted, so a full disk does not refuse it.
#[tokio::test]
async fn only_changes_are_counted() {
    let case = Case::new().await;
    let mut reader = options(&case.folder.path().join("a.db")).connect().await.unwrap();
    let mut number =
        async || sqlx::query_scalar::<_, i64>("select number from _commits").fetch_one(&mut reader).await.unwrap();
    case.db.write(sqlx::query("insert into t values (1)"), None).await.unwrap();
    let before = number().await;
    case.db.write(sqlx::query("delete from t where n = 7"), None).await.unwrap();
    case.db.write(sqlx::query("insert into t select 1 where false"), None).await.unwrap();
    assert_eq!(number().await, before);
    for sql in ["update t set n = 2", "delete from t"] {
        case.db.write(sqlx::query(sql), None).await.unwrap();
    }
    assert_eq!(number().await, before + 2);
}

/// The lock of another program stands for a full disk: the mark cannot be set.
#[tokio::test]
async fn database_that_cannot_be_written_keeps_its_witness() {
    let case = Case::new().await;
    let killed = case.killed().await;
    let path = killed.path().join("a.db");
    let [mut holder, mut connection] =
        [options(&path).connect().await.unwrap(), options(&path).connect().await.unwrap()];
    holder.execute("begin immediate").await.unwrap();
    assert!(CommitWitness::open(&path, &mut connection).await.unwrap().is_ok());
    holder.execute("rollback").await.unwrap();
    drop((holder, connection));
    assert_eq!(found(killed.path()).await, None);
}

#[tokio::test]
async fn witness_that_does_not_fit_is_a_loss_in_use() {
    let (case, other) = (Case::new().await, Case::new().await);
    let killed = case.killed().await;
    let witness = killed.path().join("a.db-witness");
    let good = fs::read(&witness).unwrap();
    for at in [0, 10, 31, 47] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&witness, bytes).unwrap();
        assert_eq!(found(killed.path()).await, Some(LossSign::Unfit), "{at}");
    }
    fs::write(&witness, "").unwrap();
    assert_eq!(found(killed.path()).await, Some(LossSign::Unfit));
    fs::copy(other.folder.path().join("a.db-witness"), &witness).unwrap();
    assert_eq!(found(killed.path()).await, Some(LossSign::Unfit));
    fs::write(&witness, good).unwrap();
    assert_eq!(found(killed.path()).await, None, "no start has changed anything");
    for case in [case, other] {
        case.db.close().await;
    }
}

#[tokio::test]
async fn older_database_put_back_is_a_loss() {
    let stopped = Case::new().await.stop().await;
    let older = copy(stopped.path());
    assert_eq!(found(stopped.path()).await, None);
    fs::copy(older.path().join("a.db"), stopped.path().join("a.db")).unwrap();
    assert!(matches!(found(stopped.path()).await, Some(LossSign::Behind { .. })));
    fs::remove_file(older.path().join("a.db-witness")).unwrap();
    assert_eq!(found(older.path()).await, None, "a closed database is complete without its witness");
}

#[tokio::test]
async fn commit_beside_the_service_is_counted() {
    let case = Case::new().await;
    let beside = Sqlite::open_beside(&case.folder.path().join("a.db"), &NO_MIGRATIONS).await.unwrap();
    let before = copy(case.folder.path());
    beside.write(sqlx::query("insert into t values (2)"), None).await.unwrap();
    assert_eq!(found(copy(case.folder.path()).path()).await, None);
    let after = copy(case.folder.path());
    fs::copy(before.path().join("a.db-wal"), after.path().join("a.db-wal")).unwrap();
    fs::remove_file(after.path().join("a.db-shm")).unwrap();
    fs::copy(before.path().join("a.db"), after.path().join("a.db")).unwrap();
    assert!(matches!(found(after.path()).await, Some(LossSign::Behind { .. })));
    beside.close().await;
    assert_eq!(found(case.stop().await.path()).await, None);
}

#[tokio::test]
async fn commit_beside_a_lost_log_hides_nothing() {
    let case = Case::new().await;
    let killed = case.killed().await;
    fs::remove_file(killed.path().join("a.db-wal")).unwrap();
    let beside = Sqlite::open_beside(&killed.path().join("a.db"), &NO_MIGRATIONS).await.unwrap();
    for number in 0..10 {
        let sql = sqlx::AssertSqlSafe(format!("create table beside_{number} (n integer)"));
        beside.write(sqlx::query(sql), None).await.unwrap();
    }
    beside.close().await;
    assert!(matches!(found(killed.path()).await, Some(LossSign::Behind { .. })));
    case.db.close().await;
}

#[tokio::test]
async fn forgotten_witness_begins_again() {
    let case = Case::new().await;
    let killed = case.killed().await;
    fs::remove_file(killed.path().join("a.db-wal")).unwrap();
    let copy = Sqlite::open_snapshot(&killed.path().join("a.db"));
    copy.forget_witness().await.unwrap();
    copy.close().await;
    assert_eq!(found(killed.path()).await, None, "a restored file may have any witness beside it");
    case.db.close().await;
}

#[tokio::test]
async fn database_without_numbers_is_older_than_its_witness() {
    let case = Case::new().await;
    let killed = case.killed().await;
    let (database, older) = (killed.path().join("a.db"), tempfile::tempdir().unwrap());
    Sqlite::open(&older.path().join("a.db"), &NO_MIGRATIONS).await.unwrap().close().await;
    fs::remove_file(killed.path().join("a.db-wal")).unwrap();
    fs::copy(older.path().join("a.db"), &database).unwrap();
    assert!(matches!(found(killed.path()).await, Some(LossSign::Behind { database: 0, .. })));
    fs::remove_file(&database).unwrap();
    assert_eq!(found(killed.path()).await, None, "a new database begins a new witness");
    case.db.close().await;
}

#[tokio::test]
async fn witness_link_is_refused() {
    let stopped = Case::new().await.stop().await;
    let (elsewhere, witness) = (stopped.path().join("elsewhere"), stopped.path().join("a.db-witness"));
    fs::write(&elsewhere, "precious").unwrap();
    fs::remove_file(&witness).unwrap();
    symlink(&elsewhere, &witness).unwrap();
    let refused = Sqlite::open_witnessed(&stopped.path().join("a.db"), &NO_MIGRATIONS).await.unwrap_err();
    assert!(refused.to_string().contains("a.db-witness cannot be written ("), "{refused}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
}
