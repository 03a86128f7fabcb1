//! The witness: a file beside the database with the number of the last commit. It shows at a start that commits are
//! lost.
//!
//! SQLite ends at the first damaged frame of its write-ahead log, and opens a database without its log: both in
//! silence. Each lost commit has a later number than the remaining ones, so the last number is enough.
//!
//! The witness is written after the commit and before the answer. It is not synced: it may be behind the database after
//! a loss of power, and then shows nothing.

mod record;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub(super) use record::Line;
use record::{FoundWitness, RECORD_LENGTH, Record, create, find};
use sqlx::{Executor as _, SqliteConnection};

use super::files::{WITNESS_SUFFIX, beside, unwritable};
use super::lock::real;
use crate::{OpenError, StoreError};

/// Table with the number of the last commit. No migration makes the table: it belongs to the file, not to the store,
/// and no copy to another database takes it along.
const TABLE_SQL: &str = "create table if not exists _commits \
     (id integer primary key check (id = 1), line blob not null, number integer not null, is_open integer not null)";

/// Sign that the database may have lost commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LossSign {
    /// The witness knows later commits.
    #[error("its witness knows commit {witness}, and the database ends with commit {database}")]
    Behind {
        /// Last commit of the database.
        database: i64,
        /// Last commit that the witness knows.
        witness: i64,
    },
    /// The database was in use, and its witness does not exist.
    #[error("its witness is missing, and the service was not stopped in order")]
    Missing,
    /// The witness has no valid record, or one of another database.
    #[error("its witness is damaged or belongs to another database, and the service was not stopped in order")]
    Unfit,
}

impl LossSign {
    /// Returns the sign in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Behind { .. } => "behind",
            Self::Missing => "missing",
            Self::Unfit => "unfit",
        }
    }
}

/// SQLite's number of changed rows of a connection (`total_changes()`) after its last counted commit.
#[derive(Debug, Default)]
pub(super) struct CountedChanges(i64);

/// Party that commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committer {
    /// The service, which has the lock.
    Service,
    /// A program that may run beside the service.
    Beside,
}

/// The open witness of a database.
#[derive(Debug)]
pub(super) struct CommitWitness {
    file: File,
    path: PathBuf,
    line: Line,
    committer: Committer,
    /// Set while the file cannot be written, so that one failure logs one line.
    is_failing: AtomicBool,
}

/// Relation of a database without a loss to the witness beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Continuity {
    /// The witness goes on.
    SameLine,
    /// The database needs a new witness.
    NewLine,
}

/// Row of the database.
struct CommitRow {
    last: Record,
    is_open: bool,
}

impl CommitWitness {
    /// Opens the witness of a database that a service has locked, or creates it. A sign of a loss leaves everything as
    /// it is, so that the next start finds the same sign.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be read or written.
    pub(super) async fn open(
        path: &Path,
        connection: &mut SqliteConnection,
    ) -> Result<Result<Self, LossSign>, OpenError> {
        let name = path.display().to_string();
        let damaged = |error: sqlx::Error| OpenError::Damaged(name.clone(), error.to_string());
        connection.execute(TABLE_SQL).await.map_err(damaged)?;
        let path = witness_path(path);
        // The witness is read first: an operator's command beside the service may commit in between.
        let found = find(&path, OpenOptions::new().write(true)).map_err(|error| unwritable(&path, &error))?;
        let row = row(connection).await.map_err(damaged)?;
        let continuity = match check(row.as_ref(), found.as_ref()) {
            Ok(continuity) => continuity,
            Err(sign) => return Ok(Err(sign)),
        };
        let Some((row, found)) = row.filter(|_| continuity == Continuity::SameLine).zip(found) else {
            let (file, line) = create(&path).map_err(|error| unwritable(&path, &error))?;
            let witness = Self::new(file, path, line, Committer::Service);
            witness.begin(connection).await.map_err(damaged)?;
            return Ok(Ok(witness));
        };
        let witness = Self::new(found.file, path, row.last.line, Committer::Service);
        if let Err(error) = witness.begin(connection).await {
            match StoreError::from(error) {
                // Reads go on without a writable disk. The next counted commit sets the mark.
                error @ (StoreError::Full | StoreError::Unavailable(_)) => {
                    tracing::warn!(database = %name, %error, "database not marked as in use: it cannot be written now");
                }
                error => return Err(OpenError::Damaged(name, error.to_string())),
            }
        }
        Ok(Ok(witness))
    }

    /// Opens the witness beside a service that may be running, if there is no sign of a loss. Otherwise the next start
    /// must find the sign, so the commits of this program are not counted.
    pub(super) async fn open_beside(path: &Path, connection: &mut SqliteConnection) -> Option<Self> {
        let path = witness_path(path);
        // The witness is read first: a running service may commit in between.
        let found = find(&path, OpenOptions::new().write(true)).ok().flatten()?;
        let row = row(connection).await.ok().flatten()?;
        let continuity = check(Some(&row), Some(&found));
        (continuity == Ok(Continuity::SameLine)).then(|| Self::new(found.file, path, row.last.line, Committer::Beside))
    }

    /// Begins a new line of commits for a database with unknown losses. The caller puts the row into the database and
    /// revokes first: after an interruption the next start finds the same sign again.
    pub(super) fn begin_line(path: &Path) -> io::Result<Self> {
        let path = witness_path(path);
        let (file, line) = create(&path)?;
        Ok(Self::new(file, path, line, Committer::Service))
    }

    fn new(file: File, path: PathBuf, line: Line, committer: Committer) -> Self {
        Self { file, path, line, committer, is_failing: AtomicBool::new(false) }
    }

    /// Marks the database as in use, also in its own file: a copy of that file alone then shows that it is incomplete.
    async fn begin(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let number = put_row(connection, self.line).await?;
        self.record(number);
        sqlx::query("pragma wal_checkpoint(truncate)").fetch_all(connection).await.map(drop)
    }

    /// Returns the identity of the line of commits.
    pub(super) fn line(&self) -> Line {
        self.line
    }

    /// Counts a commit, inside its transaction, if the connection has changed a row since the last counted commit.
    /// Returns the commit's number. A commit without changes writes nothing, so a full disk does not refuse it.
    pub(super) async fn count(
        &self,
        connection: &mut SqliteConnection,
        changes: &mut CountedChanges,
    ) -> Result<Option<i64>, sqlx::Error> {
        const SQL: &str = "update _commits set number = number + 1, is_open = 1 \
             where id = 1 and total_changes() <> $1 returning number, total_changes()";
        let counted: Vec<(i64, i64)> = sqlx::query_as(SQL).bind(changes.0).fetch_all(connection).await?;
        let Some((number, before)) = counted.last() else { return Ok(None) };
        // The statement changes one row itself.
        changes.0 = before + 1;
        Ok(Some(*number))
    }

    /// Writes the number of a durable commit. The commit is acknowledged even if the file cannot be written: the
    /// service stays available, and the next commit writes the file again.
    pub(super) fn record(&self, number: i64) {
        let at = match self.committer {
            Committer::Service => 0,
            Committer::Beside => RECORD_LENGTH as u64,
        };
        // The file has its full length, so a write to the system's cache of its one page does not wait for the disk.
        let written = self.file.write_all_at(&Record { line: self.line, number }.bytes(), at);
        match written {
            Ok(()) => self.is_failing.store(false, Relaxed),
            Err(error) if !self.is_failing.swap(true, Relaxed) => {
                tracing::warn!(
                    file = %self.path.display(), %error,
                    "witness of the commits not written: a loss of commits may stay unnoticed"
                );
            }
            Err(_) => {}
        }
    }

    /// Marks the database as complete, before its connection closes.
    pub(super) async fn end(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SQL: &str = "update _commits set number = number + 1, is_open = 0 where id = 1 returning number";
        if self.committer == Committer::Service {
            let numbers: Vec<i64> = sqlx::query_scalar(SQL).fetch_all(connection).await?;
            numbers.last().into_iter().for_each(|number| self.record(*number));
        }
        Ok(())
    }
}

/// Content of a database's witness at the time of reading.
pub struct WitnessReading(Option<FoundWitness>);

impl WitnessReading {
    /// Reads the witness of the database in this file. Read it before the database, which may grow meanwhile.
    ///
    /// # Errors
    /// [`OpenError`] if the file of the witness cannot be read.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let path = witness_path(path);
        find(&path, &mut OpenOptions::new()).map(Self).map_err(|error| unwritable(&path, &error))
    }

    /// Returns the sign that the database, or a copy of it, has lost commits. Changes nothing.
    ///
    /// # Errors
    /// The driver's error if the database cannot be read.
    pub async fn loss(&self, connection: &mut SqliteConnection) -> Result<Option<LossSign>, sqlx::Error> {
        let row = match row(connection).await {
            // A database of a version without witnesses.
            Err(error) if is_missing_table(&error) => None,
            row => row?,
        };
        Ok(check(row.as_ref(), self.0.as_ref()).err())
    }
}

/// Returns true if a statement failed because its table does not exist. SQLite has no code of its own for this.
fn is_missing_table(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message().starts_with("no such table"))
}

/// Counts a commit in the row of this line; makes the row if the line is new.
pub(super) async fn put_row(connection: &mut SqliteConnection, line: Line) -> Result<i64, sqlx::Error> {
    const SQL: &str = "insert into _commits (id, line, number, is_open) values (1, $1, 1, 1) \
         on conflict (id) do update set number = case when line = $1 then number + 1 else 1 end, line = $1, \
         is_open = 1 returning number";
    let numbers: Vec<i64> = sqlx::query_scalar(SQL).bind(line.to_vec()).fetch_all(connection).await?;
    numbers.last().copied().ok_or(sqlx::Error::RowNotFound)
}

/// Marks a complete copy as closed, in a line of its own: its next start begins another line, whatever witness it finds.
pub(super) async fn forget(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    const SQL: &str = "insert or replace into _commits (id, line, number, is_open) values (1, randomblob(16), 0, 0)";
    connection.execute(TABLE_SQL).await?;
    connection.execute(SQL).await.map(drop)
}

/// Compares the database with its witness.
fn check(row: Option<&CommitRow>, found: Option<&FoundWitness>) -> Result<Continuity, LossSign> {
    let witness = found.map(|found| found.last);
    let Some(row) = row else {
        // The witness of an interrupted first start has no commit yet.
        let known = witness.flatten().filter(|last| last.number > 0);
        return known
            .map_or(Ok(Continuity::NewLine), |last| Err(LossSign::Behind { database: 0, witness: last.number }));
    };
    match witness {
        Some(Some(last)) if last.line == row.last.line => match (last.number, row.last.number) {
            (witness, database) if witness > database => Err(LossSign::Behind { database, witness }),
            _ => Ok(Continuity::SameLine),
        },
        // A database that was closed in order is complete without its witness.
        _ if !row.is_open => Ok(Continuity::NewLine),
        Some(_) => Err(LossSign::Unfit),
        None => Err(LossSign::Missing),
    }
}

fn witness_path(database: &Path) -> PathBuf {
    beside(&real(database), WITNESS_SUFFIX)
}

async fn row(connection: &mut SqliteConnection) -> Result<Option<CommitRow>, sqlx::Error> {
    const SQL: &str = "select line, number, is_open from _commits where id = 1";
    let row: Option<(Vec<u8>, i64, bool)> = sqlx::query_as(SQL).fetch_optional(connection).await?;
    let row = row.map(|(line, number, is_open)| {
        let line = line.try_into().map_err(|_| sqlx::Error::Decode("the line of commits has a wrong length".into()))?;
        Ok(CommitRow { last: Record { line, number }, is_open })
    });
    row.transpose()
}

#[cfg(test)]
mod tests;
