//! Reader of the log of revocations, in order.

use std::io;
use std::sync::Arc;

use chrono::DateTime;
use db::{FileRow, FileRowError, ReadRow, SqlStatement, Watcher};
use kit::Stopwatch;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::page_size::PageSize;
use super::{AuthStore, StoreError, Time};
use crate::domain::{Cause, Entry, EntryFingerprint, Era, Horizon, LogId, Logged, PreviousEra, Revocation};

/// Reader of the log, with a connection of its own.
#[derive(Debug)]
pub struct LogReader {
    pub(super) watcher: Watcher,
    size: PageSize,
}

/// Result of one poll, from one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// Identity of the log.
    pub log: LogId,
    /// Revision of the last entry of the log.
    pub head: i64,
    /// Horizon: the tokens that are dead regardless of the entries.
    pub horizon: Horizon,
    /// Entries from the requested revision, in order.
    pub entries: Vec<Entry>,
    /// Set if more entries may follow.
    pub is_cut: bool,
}

impl AuthStore {
    /// Returns a reader of the log, with a connection of its own.
    #[must_use]
    pub fn log_reader(&self) -> LogReader {
        LogReader { watcher: self.db.watcher(), size: PageSize::default() }
    }
}

impl LogReader {
    /// Closes the connection.
    pub async fn close(self) {
        self.watcher.close().await;
    }

    /// Reads the end of the log and its entries from the revision `from`: at most 1,000, and more after a poll that did
    /// not reach the end.
    ///
    /// # Errors
    /// [`StoreError`]; also if the server is a standby, which may be behind its primary.
    pub async fn poll(&mut self, from: i64) -> Result<LogPage, StoreError> {
        // Only the first row has the end of the log: a start reads a million rows.
        const SQL: &str = "select h.log_id, h.revision as head, h.horizon, h.era, h.era_before, h.era_before_until, \
             r.revision, r.mark, r.kind, r.subject, r.generation, r.log_time from revocations r \
             left join current_log_head h on h.id = 1 \
             and r.revision = (select min(revision) from revocations where revision >= $1) \
             where r.revision >= $1 order by r.revision limit $2";
        const HEAD: &str = "select log_id, revision as head, horizon, era, era_before, era_before_until \
             from current_log_head where id = 1";
        // After a failed poll the next one is small, so that it finishes in time.
        let size = std::mem::take(&mut self.size);
        let time = Stopwatch::start();
        let page = SqlStatement::new(SQL).bind(from).bind(size.rows());
        let mut rows: Vec<EntryRow> = self.watcher.select(page).await?;
        let is_cut = i64::try_from(rows.len()).is_ok_and(|rows| rows == size.rows());
        if let Some(first) = rows.first_mut() {
            let read = first.head.take().ok_or_else(repeating)?;
            let (log, head, horizon) = (LogId(bytes(&read.log_id)?), read.last, read.horizon());
            let entries: Result<Vec<Entry>, EntryError> = rows.into_iter().map(|row| row.entry).collect();
            let entries = entries.map_err(|error| sqlx::Error::Decode(error.into()))?;
            let page = LogPage { log, head, horizon, entries, is_cut };
            if !page.is_last() {
                self.size = size.next(time.elapsed());
            }
            return Ok(page);
        }
        let read: Option<HeadRow> = self.watcher.select(SqlStatement::new(HEAD)).await?.pop();
        let read = read.ok_or_else(repeating)?;
        let (log, head, horizon) = (LogId(bytes(&read.log_id)?), read.last, read.horizon());
        Ok(LogPage { log, head, horizon, entries: Vec::new(), is_cut })
    }
}

impl LogPage {
    /// Returns true if the page reaches the end of the log.
    pub fn is_last(&self) -> bool {
        !self.is_cut || self.entries.last().is_some_and(|entry| entry.logged.revision == self.head)
    }
}

/// Returns the error of a standby, which has no current end of the log.
fn repeating() -> StoreError {
    let cause = io::Error::other("the server is in recovery and repeats what another one writes");
    StoreError::Unavailable(Arc::new(sqlx::Error::Io(cause)))
}

/// Row of the end of the log.
#[derive(FromRow)]
struct HeadRow {
    log_id: Vec<u8>,
    #[sqlx(rename = "head")]
    last: i64,
    horizon: Time,
    era: i64,
    era_before: i64,
    era_before_until: Time,
}

impl HeadRow {
    fn horizon(&self) -> Horizon {
        let previous = PreviousEra { era: Era(self.era_before), until: self.era_before_until };
        let before = (previous.until > DateTime::UNIX_EPOCH).then_some(previous);
        Horizon { until: self.horizon, era: Era(self.era), before }
    }
}

/// Row of an entry, converted when it is read: a page has up to 64,000 rows, and their texts would take most of its memory.
struct EntryRow {
    /// End of the log, in the first row of a page.
    head: Option<Box<HeadRow>>,
    entry: Result<Entry, EntryError>,
}

/// Columns of the row of an entry.
#[derive(FromRow)]
struct EntryColumns {
    log_id: Option<Vec<u8>>,
    #[sqlx(rename = "head")]
    last: Option<i64>,
    horizon: Option<Time>,
    era: Option<i64>,
    era_before: Option<i64>,
    era_before_until: Option<Time>,
    revision: i64,
    mark: Vec<u8>,
    kind: String,
    subject: String,
    generation: i32,
    log_time: Time,
}

/// Reason why an entry cannot be read. Then it is not known which tokens are valid.
#[derive(Debug, thiserror::Error)]
enum EntryError {
    /// A later version wrote the entry.
    #[error("the log has an entry of an unknown kind")]
    Kind,
    #[error("the log has an entry whose subject is not a UUID")]
    Subject,
    #[error("the log has an entry whose fingerprint has a wrong length")]
    Fingerprint,
}

impl ReadRow for HeadRow {
    /// Reads the columns by their places, which takes less time than by their names.
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self {
            log_id: row.get(0)?,
            last: row.get(1)?,
            horizon: row.get(2)?,
            era: row.get(3)?,
            era_before: row.get(4)?,
            era_before_until: row.get(5)?,
        })
    }
}

impl ReadRow for EntryRow {
    /// Reads the columns by their places.
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        let columns = EntryColumns {
            log_id: row.get(0)?,
            last: row.get(1)?,
            horizon: row.get(2)?,
            era: row.get(3)?,
            era_before: row.get(4)?,
            era_before_until: row.get(5)?,
            revision: row.get(6)?,
            mark: row.get(7)?,
            kind: row.get(8)?,
            subject: row.get(9)?,
            generation: row.get(10)?,
            log_time: row.get(11)?,
        };
        Ok(columns.into())
    }
}

impl<'r, R: Row> FromRow<'r, R> for EntryRow
where
    EntryColumns: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        EntryColumns::from_row(row).map(Into::into)
    }
}

impl From<EntryColumns> for EntryRow {
    fn from(mut columns: EntryColumns) -> Self {
        Self { head: columns.take_head().map(Box::new), entry: columns.entry() }
    }
}

impl EntryColumns {
    /// Takes the end of the log out of the first row.
    fn take_head(&mut self) -> Option<HeadRow> {
        Some(HeadRow {
            log_id: self.log_id.take()?,
            last: self.last?,
            horizon: self.horizon?,
            era: self.era?,
            era_before: self.era_before?,
            era_before_until: self.era_before_until?,
        })
    }

    fn entry(self) -> Result<Entry, EntryError> {
        let Self { revision, mark, kind, subject, generation, log_time: time, .. } = self;
        let revocation = match kind.as_str() {
            "start" => Revocation::Start,
            "session" => Revocation::Session(id(&subject)?),
            "user" => Revocation::User { id: id(&subject)?, generation, cause: Cause::Ended },
            "user-disabled" => Revocation::User { id: id(&subject)?, generation, cause: Cause::Disabled },
            "user-deleted" => Revocation::User { id: id(&subject)?, generation, cause: Cause::Deleted },
            "signing-key" => match subject.parse() {
                Ok(version) => Revocation::ApiKey(version),
                Err(_) => Revocation::SigningKey(subject),
            },
            "signing-keys" => Revocation::NewSigningKeys,
            _ => return Err(EntryError::Kind),
        };
        let fingerprint = EntryFingerprint(mark.try_into().map_err(|_| EntryError::Fingerprint)?);
        Ok(Entry { logged: Logged { revision, fingerprint }, revocation, time })
    }
}

/// Reads the id in the subject of an entry.
fn id<Id: From<Uuid>>(subject: &str) -> Result<Id, EntryError> {
    subject.parse::<Uuid>().map(Id::from).map_err(|_| EntryError::Subject)
}

/// Returns the bytes of a fingerprint or an identity.
pub(super) fn bytes(value: &[u8]) -> Result<[u8; 16], sqlx::Error> {
    value.try_into().map_err(|_| sqlx::Error::Decode("a fingerprint or identity of the log has a wrong length".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A start reads pages of up to 64,000 rows, and the allocator may keep their memory: 6 MB at most.
    #[test]
    fn row_of_an_entry_is_small() {
        assert!(size_of::<EntryRow>() <= 96, "{} bytes", size_of::<EntryRow>());
    }
}
