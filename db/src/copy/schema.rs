//! What a service keeps, as data: the tables that a copy takes along, each with its columns.

use crate::Migrations;

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
    pub kind: Kind,
    /// Whether it may be null.
    pub is_optional: bool,
}

/// What a column holds; each engine has one type for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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

impl Schema {
    /// The names of all tables.
    pub(super) fn table_names(&self) -> String {
        self.tables.iter().map(|table| table.name).collect::<Vec<_>>().join(", ")
    }
}

impl Column {
    /// A column that is never null.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_optional: false }
    }

    /// A column that may be null.
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_optional: true }
    }
}

impl Table {
    /// The statement that reads all rows.
    pub(super) fn select(&self) -> String {
        format!("select {} from {}", self.names(), self.name)
    }

    /// The statement that counts them.
    pub(super) fn count(&self) -> String {
        format!("select count(*) from {}", self.name)
    }

    /// The statement that puts in so many.
    pub(super) fn insert(&self, rows: usize) -> String {
        let width = self.columns.len();
        let row = |row: usize| {
            let places = (1..=width).map(|column| format!("${}", row * width + column));
            format!("({})", places.collect::<Vec<_>>().join(", "))
        };
        let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
        format!("insert into {} ({}) values {rows}", self.name, self.names())
    }

    fn names(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_and_filled_by_its_columns() {
        const TABLE: Table =
            Table { name: "notes", columns: &[Column::new("id", Kind::Uuid), Column::optional("text", Kind::Text)] };
        assert_eq!(TABLE.select(), "select id, text from notes");
        assert_eq!(TABLE.insert(1), "insert into notes (id, text) values ($1, $2)");
        assert_eq!(TABLE.insert(2), "insert into notes (id, text) values ($1, $2), ($3, $4)");
    }
}
