//! All that the database holds, column by column, for whoever copies it; `tests/store/tables.rs` compares it with the engines.

use db::schema::{Column, ColumnType, Table};
use db::{requests, secrets};

/// The tables, in an order in which a row comes after those that it points to.
pub(super) const TABLES: [Table; 3] = [
    Table {
        name: "posts",
        columns: &[
            Column::new("id", ColumnType::Uuid),
            Column::new("owner_id", ColumnType::Uuid),
            Column::new("title", ColumnType::Text),
            Column::new("revision", ColumnType::Integer),
            Column::new("create_time", ColumnType::Time),
            Column::new("update_time", ColumnType::Time),
            Column::new("content", ColumnType::Text),
        ],
    },
    secrets::TABLE,
    requests::TABLE,
];
