//! Errors of a copy, each a sentence that says what to do, without values of rows.

use db::schema::Table;
use db::{LossSign, OpenError, is_locked};

use super::digest::TableDigest;

/// An error of a copy. The target's tables are unchanged, except with [`CopyError::Unknown`].
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// A database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The source's file does not exist.
    #[error("{0} is not there: name the file of a service's database")]
    Absent(String),
    /// The source is empty, or a database of another program.
    #[error("{0} holds no database of a Gatepost service: name the auth service's or the blog service's")]
    Foreign(String),
    /// The source lacks a migration.
    #[error(
        "{0} is older than this version (migration {1} is missing): start this version's service on it once, stop it, \
         then copy"
    )]
    Older(String, i64),
    /// A later version migrated the source.
    #[error("{0} was written by a newer version (migration {1} is unknown): copy it with that version")]
    Newer(String, i64),
    /// An applied migration differs from that of this version.
    #[error("{0} does not fit this version (migration {1} differs): copy it with the version that made it")]
    Altered(String, i64),
    /// A service runs on the source.
    #[error("{0} is in use by a running service (its connections: {1}): stop every process of the service, then copy")]
    InUse(String, i64),
    /// Another program has locked the tables.
    #[error("{0} is in use (another program keeps a lock on its tables): stop that program, then copy again")]
    Locked(String),
    /// Source and target are the same database.
    #[error("{0} is both source and target: name another target")]
    Same(String),
    /// The target belongs to the other service.
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
    /// The source has lost commits: a copy would revive the tokens that they revoked.
    #[error(
        "{0} may have lost commits ({1}): start the service on it once, which ends all sessions, stop it, then copy; or \
         restore a backup"
    )]
    Lost(String, LossSign),
    /// A row of the source cannot be decoded.
    #[error("{0} is damaged (a row of table {1} cannot be read in column {2}): restore a backup, or repair that row")]
    Unreadable(String, &'static str, String),
    /// The source's file changed during the copy.
    #[error(
        "{0} was changed during the copy, and nothing is kept: stop the program that writes to it, then copy again"
    )]
    Changed(String),
    /// A database refuses a statement on a table.
    #[error("{0} refuses table {1} ({2}), and nothing is kept: remove the cause, then copy again")]
    Refused(String, &'static str, String),
    /// A database refuses a general statement, or is no Gatepost database.
    #[error("{0} cannot be used ({1}), and nothing is kept: remove the cause, or name another database")]
    Unfit(String, String),
    /// The target's rows differ from the written ones.
    #[error(
        "table {table} of {name} differs from what was written (rows: {found}, checksum {found_sum}; written: \
         {written}, {written_sum}), and nothing is kept: look for a trigger or a rule that alters rows, then copy again",
        found = .found.rows(), found_sum = .found, written = .written.rows(), written_sum = .written
    )]
    Differs {
        /// Name of the target.
        name: String,
        /// Name of the table.
        table: &'static str,
        /// Digest of the written rows.
        written: TableDigest,
        /// Digest of the rows read back.
        found: TableDigest,
    },
    /// A database stopped answering.
    #[error("{0} stopped answering ({1}), and nothing is kept: remove the cause, then copy again")]
    Away(String, String),
    /// The target did not answer the commit.
    #[error(
        "{0} did not answer the commit ({1}): copy again; if it is not empty then, this copy is complete and verified"
    )]
    Unknown(String, String),
}

impl CopyError {
    /// Converts an error of the database of this name in a statement on this table.
    pub(super) fn in_table(name: &str, table: &'static Table, error: &sqlx::Error) -> Self {
        let name = name.to_owned();
        match error {
            // The driver's text may contain the value.
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

    /// Converts an error of the database of this name in another statement.
    pub(super) fn in_database(name: &str, error: &sqlx::Error) -> Self {
        let name = name.to_owned();
        match error {
            error if is_locked(error) => Self::Locked(name),
            sqlx::Error::Database(cause) => Self::Unfit(name, cause.message().to_owned()),
            error => Self::Away(name, error.to_string()),
        }
    }
}
