//! All that the database holds, column by column, for whoever copies it; `tests/store/tables.rs` compares it with the engines.

use db::schema::{Column, Kind, Table};
use db::{requests, secrets};

/// The tables, in an order in which a row comes after those that it points to.
pub(super) const TABLES: [Table; 3] = [
    Table {
        name: "posts",
        columns: &[
            Column::new("id", Kind::Uuid),
            Column::new("owner_id", Kind::Uuid),
            Column::new("title", Kind::Text),
            Column::new("revision", Kind::Integer),
            Column::new("create_time", Kind::Time),
            Column::new("update_time", Kind::Time),
            Column::new("content", Kind::Text),
        ],
    },
    secrets::TABLE,
    requests::TABLE,
];
