//! SQL statements of a copy, built from the description of a table.

use db::schema::{Schema, Table};

/// Returns the names of all tables.
pub(super) fn names(schema: &Schema) -> String {
    schema.tables.iter().map(|table| table.name).collect::<Vec<_>>().join(", ")
}

/// Returns the statement that reads all rows.
pub(super) fn select(table: &Table) -> String {
    format!("select {} from {}", columns(table), table.name)
}

/// Returns the statement that counts the rows.
pub(super) fn count(table: &Table) -> String {
    format!("select count(*) from {}", table.name)
}

/// Returns the statement that inserts this number of rows.
pub(super) fn insert(table: &Table, rows: usize) -> String {
    let width = table.columns.len();
    let row = |row: usize| {
        let places = (1..=width).map(|column| format!("${}", row * width + column));
        format!("({})", places.collect::<Vec<_>>().join(", "))
    };
    let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
    format!("insert into {} ({}) values {rows}", table.name, columns(table))
}

fn columns(table: &Table) -> String {
    table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use db::schema::{Column, ColumnType};

    use super::*;

    #[test]
    fn statements_name_all_columns() {
        const TABLE: Table = Table {
            name: "notes",
            columns: &[Column::new("id", ColumnType::Uuid), Column::optional("text", ColumnType::Text)],
        };
        assert_eq!(select(&TABLE), "select id, text from notes");
        assert_eq!(insert(&TABLE, 1), "insert into notes (id, text) values ($1, $2)");
        assert_eq!(insert(&TABLE, 2), "insert into notes (id, text) values ($1, $2), ($3, $4)");
    }
}
