//! Tables and columns of the database, for copies; `tests/store/tables.rs` compares them with both engines.

use db::schema::{Column, Kind, Table};
use db::{requests, secrets};

/// Tables, each after the tables that its rows refer to.
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
