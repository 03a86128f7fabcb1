//! What a service keeps, as data: the tables that a copy takes along, each with its columns.

use super::Migrations;

/// A service's database.
#[derive(Debug)]
pub struct Schema {
    /// The service, as its subcommand is called.
    pub service: &'static str,
    /// What makes the tables.
    pub migrations: Migrations,
    /// All tables, in an order in which a row comes after those that it points to.
    pub tables: &'static [Table],
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// All its columns.
    pub columns: &'static [Column],
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether it may be null.
    pub is_optional: bool,
}

/// What a column holds; each engine has one type for it.
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
    /// A column that is never null.
    pub const fn new(name: &'static str, kind: ColumnType) -> Self {
        Self { name, kind, is_optional: false }
    }

    /// A column that may be null.
    pub const fn optional(name: &'static str, kind: ColumnType) -> Self {
        Self { name, kind, is_optional: true }
    }
}
