//! Why a database was not copied: each a sentence that says what to do, without a value of any row.

use db::schema::Table;
use db::{OpenError, is_locked};

use super::digest::Digest;

/// Nothing has been written to the target's tables, save with [`CopyError::Unknown`].
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// A database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The source's file is not there.
    #[error("{0} is not there: name the file of a service's database")]
    Absent(String),
    /// The source is of another program, or empty.
    #[error("{0} holds no database of a Gatepost service: name the auth service's or the blog service's")]
    Foreign(String),
    /// The source has not been migrated.
    #[error(
        "{0} is older than this version (migration {1} is missing): start this version's service on it once, stop it, \
         then copy"
    )]
    Older(String, i64),
    /// The source has been migrated by a later version.
    #[error("{0} was written by a newer version (migration {1} is unknown): copy it with that version")]
    Newer(String, i64),
    /// A migration is not the one that this version knows.
    #[error("{0} does not fit this version (migration {1} differs): copy it with the version that made it")]
    Altered(String, i64),
    /// A service is running on the source.
    #[error("{0} is in use by a running service (its connections: {1}): stop every process of the service, then copy")]
    InUse(String, i64),
    /// Somebody has the tables.
    #[error("{0} is in use (another program keeps a lock on its tables): stop that one, then copy again")]
    Locked(String),
    /// Source and target are one.
    #[error("{0} is source and target at once: name another target")]
    Same(String),
    /// The target is the other service's.
    #[error("{0} is a database of the {1} service, and the source is one of the {2} service: name an empty target")]
    Another(String, &'static str, &'static str),
    /// The target has rows.
    #[error(
        "{0} is not empty (rows in table {1}: {2}): name a new database as the target, or drop this one if nothing in it \
         is needed"
    )]
    NotEmpty(String, &'static str, i64),
    /// SQLite finds the source's file damaged.
    #[error("{0} is damaged ({1}): restore a backup, then copy that")]
    Damaged(String, String),
    /// A row of the source is none.
    #[error("{0} is damaged (a row of table {1} cannot be read in column {2}): restore a backup, or mend that row")]
    Unreadable(String, &'static str, String),
    /// Somebody has written to the source's file.
    #[error("{0} was written to while it was read, and nothing is kept: stop whatever writes to it, then copy again")]
    Changed(String),
    /// A database refuses what a table holds, or is not able to.
    #[error("{0} refuses table {1} ({2}), and nothing is kept: see to the cause, then copy again")]
    Refused(String, &'static str, String),
    /// A database refuses what is asked of any, or is none.
    #[error("{0} cannot be used ({1}), and nothing is kept: see to the cause, or name another database")]
    Unfit(String, String),
    /// What the target holds is not what was written to it.
    #[error(
        "{name} holds in table {table} something else than was written (rows: {found}, checksum {found_sum}; written: \
         {written}, {written_sum}), and nothing is kept: look for a trigger or a rule that alters rows, then copy again",
        found = .found.rows(), found_sum = .found, written = .written.rows(), written_sum = .written
    )]
    Differs {
        /// The target.
        name: String,
        /// The table.
        table: &'static str,
        /// What was written.
        written: Digest,
        /// What was read back.
        found: Digest,
    },
    /// A database has gone away.
    #[error("{0} does not answer any more ({1}), and nothing is kept: see to it, then copy again")]
    Away(String, String),
    /// The target was told to commit, and its answer did not come.
    #[error(
        "{0} was told to commit and has not answered ({1}): copy again; if it is not empty then, all of it has been \
         written, verified"
    )]
    Unknown(String, String),
}

impl CopyError {
    /// What the database of this name has failed with, when it was asked for this table.
    pub(super) fn of(name: &str, table: &'static Table, error: &sqlx::Error) -> Self {
        let name = name.to_owned();
        match error {
            // The driver's text may have the value in it.
            sqlx::Error::ColumnDecode { index, .. } => {
                let at = index.trim_matches('"').parse::<usize>().ok();
                let column = at.and_then(|at| table.columns.get(at)).map_or(index.as_str(), |column| column.name);
                Self::Unreadable(name, table.name, column.to_owned())
            }
            sqlx::Error::Database(_) if is_locked(error) => Self::Locked(name),
            sqlx::Error::Database(cause) => Self::Refused(name, table.name, cause.message().to_owned()),
            error => Self::Away(name, error.to_string()),
        }
    }

    /// What it has failed with otherwise.
    pub(super) fn away(name: &str, error: &sqlx::Error) -> Self {
        let name = name.to_owned();
        match error {
            error if is_locked(error) => Self::Locked(name),
            sqlx::Error::Database(cause) => Self::Unfit(name, cause.message().to_owned()),
            error => Self::Away(name, error.to_string()),
        }
    }
}
