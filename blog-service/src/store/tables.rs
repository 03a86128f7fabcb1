//! All that the database holds, column by column, for whoever copies it; `tests/store/tables.rs` compares it with the engines.

use kit::db::copy::{Column, Kind, Table};

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
    Table { name: "secrets", columns: &[Column::new("name", Kind::Text), Column::new("value", Kind::Bytes)] },
    Table {
        name: "requests",
        columns: &[
            Column::new("caller", Kind::Text),
            Column::new("method", Kind::Text),
            Column::new("id", Kind::Uuid),
            Column::new("fingerprint", Kind::Bytes),
            Column::new("resource", Kind::Uuid),
            Column::new("create_time", Kind::Time),
        ],
    },
];
