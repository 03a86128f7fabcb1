//! Description of a service's tables and columns, for a copy.

use super::Migrations;

/// The database of a service.
#[derive(Debug)]
pub struct Schema {
    /// Name of the service, as in its subcommand.
    pub service: &'static str,
    /// Migrations that create the tables.
    pub migrations: Migrations,
    /// All tables. Each table comes after the tables that its rows refer to.
    pub tables: &'static [Table],
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Name in the database.
    pub name: &'static str,
    /// All its columns.
    pub columns: &'static [Column],
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the database.
    pub name: &'static str,
    /// Type of its values.
    pub kind: ColumnType,
    /// Set if it may be null.
    pub is_optional: bool,
}

/// Type of a column's values; each engine has one type for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `blob`, `uuid`.
    Uuid,
    /// `text`, `text`.
    Text,
    /// `blob`, `bytea`.
    Bytes,
    /// `integer`, `integer`: of 32 bits.
    Integer,
    /// `integer`, `bigint`: of 64 bits.
    Long,
    /// `text`, `timestamptz`: to the microsecond.
    Time,
}

impl Column {
    /// Returns a column that is never null.
    pub const fn new(name: &'static str, kind: ColumnType) -> Self {
        Self { name, kind, is_optional: false }
    }

    /// Returns a column that may be null.
    pub const fn optional(name: &'static str, kind: ColumnType) -> Self {
        Self { name, kind, is_optional: true }
    }
}
