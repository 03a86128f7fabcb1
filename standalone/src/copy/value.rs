//! A value of a row, read from one engine and written to the other.

use chrono::{DateTime, Utc};
use db::schema::ColumnType;
use sqlx::query::Query;
use sqlx::{ColumnIndex, Database, Decode, Encode, Row, Type};
use uuid::Uuid;

/// A value of a column, or null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ColumnValue {
    Uuid(Option<Uuid>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Integer(Option<i32>),
    Long(Option<i64>),
    Time(Option<DateTime<Utc>>),
}

impl ColumnValue {
    /// Reads the value at this index of a row.
    pub(super) fn read<'r, R>(row: &'r R, at: usize, kind: ColumnType) -> Result<Self, sqlx::Error>
    where
        R: Row,
        usize: ColumnIndex<R>,
        Uuid: Decode<'r, R::Database> + Type<R::Database>,
        String: Decode<'r, R::Database> + Type<R::Database>,
        Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
        i32: Decode<'r, R::Database> + Type<R::Database>,
        i64: Decode<'r, R::Database> + Type<R::Database>,
        DateTime<Utc>: Decode<'r, R::Database> + Type<R::Database>,
    {
        Ok(match kind {
            ColumnType::Uuid => Self::Uuid(row.try_get(at)?),
            ColumnType::Text => Self::Text(row.try_get(at)?),
            ColumnType::Bytes => Self::Bytes(row.try_get(at)?),
            ColumnType::Integer => Self::Integer(row.try_get(at)?),
            ColumnType::Long => Self::Long(row.try_get(at)?),
            ColumnType::Time => Self::Time(row.try_get(at)?),
        })
    }

    /// Binds the value as the statement's next one.
    pub(super) fn bind<DB>(
        query: Query<'static, DB, <DB as Database>::Arguments>,
        value: Self,
    ) -> Query<'static, DB, <DB as Database>::Arguments>
    where
        DB: Database,
        Option<Uuid>: for<'t> Encode<'t, DB> + Type<DB>,
        Option<String>: for<'t> Encode<'t, DB> + Type<DB>,
        Option<Vec<u8>>: for<'t> Encode<'t, DB> + Type<DB>,
        Option<i32>: for<'t> Encode<'t, DB> + Type<DB>,
        Option<i64>: for<'t> Encode<'t, DB> + Type<DB>,
        Option<DateTime<Utc>>: for<'t> Encode<'t, DB> + Type<DB>,
    {
        match value {
            Self::Uuid(value) => query.bind(value),
            Self::Text(value) => query.bind(value),
            Self::Bytes(value) => query.bind(value),
            Self::Integer(value) => query.bind(value),
            Self::Long(value) => query.bind(value),
            Self::Time(value) => query.bind(value),
        }
    }

    /// Appends an unambiguous encoding: the type, a flag for null, the number of bytes, and the bytes.
    ///
    /// The encoding of a time includes nanoseconds, so that a rounding by an engine is detected.
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Self::Uuid(value) => framed(into, 1, value.as_ref().map(|value| value.as_bytes().as_slice())),
            Self::Text(value) => framed(into, 2, value.as_deref().map(str::as_bytes)),
            Self::Bytes(value) => framed(into, 3, value.as_deref()),
            Self::Integer(value) => framed(into, 4, value.map(i32::to_be_bytes).as_ref().map(<[u8; 4]>::as_slice)),
            Self::Time(value) => {
                let parts = value.map(|time| {
                    let (seconds, nanos) =
                        (time.timestamp().to_be_bytes(), time.timestamp_subsec_nanos().to_be_bytes());
                    [&seconds[..], &nanos[..]].concat()
                });
                framed(into, 5, parts.as_deref());
            }
            Self::Long(value) => framed(into, 6, value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice)),
        }
    }

    /// Returns the approximate size in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(Some(text)) => text.len(),
            Self::Bytes(Some(bytes)) => bytes.len(),
            _ => size_of::<Self>(),
        }
    }
}

fn framed(into: &mut Vec<u8>, kind: u8, value: Option<&[u8]>) {
    into.push(kind);
    match value {
        None => into.push(0),
        Some(bytes) => {
            into.push(1);
            into.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            into.extend_from_slice(bytes);
        }
    }
}
