//! Statements that close a transaction. A server gets them and the commit in one message.
//!
//! All replicas write to some rows, and such a row is locked from its statement to the commit. A client may be frozen
//! between the statement's answer and a separate commit. It would hold the lock, and every other replica would wait for
//! it.

use std::fmt;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::{Database, Encode, Row as _, SqliteConnection, Type};
use uuid::Uuid;

/// A statement and its values. On a server the values become part of the text.
#[derive(Clone, Debug)]
pub struct SqlStatement {
    pub(super) sql: &'static str,
    pub(super) values: Vec<SqlValue>,
}

/// A value of a statement.
#[derive(Clone, Debug)]
pub enum SqlValue {
    /// A UUID.
    Uuid(Uuid),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A number.
    Integer(i64),
    /// A time.
    Time(DateTime<Utc>),
}

/// Statements that close a transaction, and the function that makes the answer from the number in the last row.
pub struct ClosingStatements<T> {
    pub(super) statements: Vec<SqlStatement>,
    pub(super) answer: Box<dyn FnOnce(i64) -> T + Send>,
}

impl SqlStatement {
    /// Creates a statement without values.
    #[must_use]
    pub fn new(sql: &'static str) -> Self {
        Self { sql, values: Vec::new() }
    }

    /// Binds the next value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<SqlValue>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Returns the statement's text with its values in their places. Text and bytes are written as hexadecimal digits,
    /// so they cannot end a literal.
    pub(super) fn text(&self) -> String {
        // Replaces the last value first: `$1` is also the beginning of `$12`.
        let values = self.values.iter().enumerate().rev();
        values
            .fold(self.sql.to_owned(), |sql, (index, value)| sql.replace(&format!("${}", index + 1), &value.literal()))
    }

    /// Runs the statement on a file, and returns the number in its last row.
    pub(super) async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
        let query = self.values.iter().fold(sqlx::query(self.sql), |query, value| value.bind(query));
        let row = query.fetch_all(connection).await?.pop();
        row.map(|row| row.try_get(0)).transpose()
    }
}

impl<T> ClosingStatements<T> {
    /// Closes a transaction by these statements. One statement returns a number, and `answer` converts it to the
    /// answer.
    pub fn new(statements: Vec<SqlStatement>, answer: impl FnOnce(i64) -> T + Send + 'static) -> Self {
        Self { statements, answer: Box::new(answer) }
    }

    /// Runs the statements on a file; the caller commits.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<T, sqlx::Error> {
        let mut last = None;
        for statement in &self.statements {
            last = statement.run(connection).await?.or(last);
        }
        last.map(self.answer).ok_or(sqlx::Error::RowNotFound)
    }
}

impl<T> fmt::Debug for ClosingStatements<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClosingStatements").field("statements", &self.statements).finish_non_exhaustive()
    }
}

/// Returns the statements as one message, which ends with the commit.
pub(super) fn message(statements: &[SqlStatement]) -> String {
    statements.iter().map(|statement| statement.text() + "; ").collect::<String>() + "commit"
}

impl SqlValue {
    fn literal(&self) -> String {
        match self {
            Self::Uuid(value) => format!("'{value}'::uuid"),
            Self::Text(value) => format!("convert_from({}, 'UTF8')", bytes_literal(value.as_bytes())),
            Self::Bytes(value) => bytes_literal(value),
            Self::Integer(value) => format!("({value})"),
            Self::Time(value) => format!("'{}'::timestamptz", value.to_rfc3339_opts(SecondsFormat::Micros, true)),
        }
    }

    fn bind<'q, DB>(
        &self,
        query: sqlx::query::Query<'q, DB, <DB as Database>::Arguments>,
    ) -> sqlx::query::Query<'q, DB, <DB as Database>::Arguments>
    where
        DB: Database,
        Uuid: for<'t> Encode<'t, DB> + Type<DB>,
        String: for<'t> Encode<'t, DB> + Type<DB>,
        Vec<u8>: for<'t> Encode<'t, DB> + Type<DB>,
        i64: for<'t> Encode<'t, DB> + Type<DB>,
        DateTime<Utc>: for<'t> Encode<'t, DB> + Type<DB>,
    {
        match self {
            Self::Uuid(value) => query.bind(*value),
            Self::Text(value) => query.bind(value.clone()),
            Self::Bytes(value) => query.bind(value.clone()),
            Self::Integer(value) => query.bind(*value),
            Self::Time(value) => query.bind(*value),
        }
    }
}

fn bytes_literal(value: &[u8]) -> String {
    let digits = value.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    format!("decode('{digits}', 'hex')")
}

impl From<Uuid> for SqlValue {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[u8]> for SqlValue {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_owned())
    }
}

impl From<i32> for SqlValue {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<DateTime<Utc>> for SqlValue {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Time(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_their_places() {
        let twelve = (1..=12).fold(SqlStatement::new("$1 $2 $11 $12"), |statement, number: i32| statement.bind(number));
        assert_eq!(twelve.text(), "(1) (2) (11) (12)");
        let bound = SqlStatement::new("call f($1, $2)").bind("'; drop").bind(&[0, 0xff][..]);
        assert_eq!(
            bound.text(),
            "call f(convert_from(decode('273b2064726f70', 'hex'), 'UTF8'), decode('00ff', 'hex'))"
        );
        assert_eq!(message(&[bound.clone(), SqlStatement::new("b")]), format!("{}; b; commit", bound.text()));
    }
}
