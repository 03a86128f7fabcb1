//! Tables and columns of the database, for copies; `tests/store/tables.rs` compares them with both engines.

use db::schema::{Column, ColumnType, Table};
use db::{requests, secrets};

/// Tables, each after the tables that its rows refer to.
pub(super) const TABLES: [Table; 6] = [
    // Before the posts: the trigger of a copied post then finds its slug.
    Table {
        name: "post_slugs",
        columns: &[Column::new("slug", ColumnType::Text), Column::new("post_id", ColumnType::Uuid)],
    },
    // Before the posts, too: the trigger of a copied post then adds and counts no tag.
    Table {
        name: "post_tags",
        columns: &[Column::new("tag", ColumnType::Text), Column::new("post_id", ColumnType::Uuid)],
    },
    // Before the posts, because a post with a new tag counts.
    Table {
        name: "tag_counts",
        columns: &[
            Column::new("tag", ColumnType::Text),
            Column::new("shard", ColumnType::Text),
            Column::new("posts", ColumnType::Integer),
        ],
    },
    Table {
        name: "posts",
        columns: &[
            Column::new("id", ColumnType::Uuid),
            Column::new("owner_id", ColumnType::Uuid),
            Column::new("title", ColumnType::Text),
            Column::new("revision", ColumnType::Integer),
            Column::new("create_time", ColumnType::Time),
            Column::new("update_time", ColumnType::Time),
            Column::optional("slug", ColumnType::Text),
            Column::new("state", ColumnType::Text),
            Column::optional("publish_time", ColumnType::Time),
            Column::optional("given_excerpt", ColumnType::Text),
            Column::new("made_excerpt", ColumnType::Text),
            Column::new("tags", ColumnType::Text),
            Column::new("cover_image_url", ColumnType::Text),
            Column::new("language_code", ColumnType::Text),
            Column::optional("html_version", ColumnType::Integer),
            Column::optional("html_revision", ColumnType::Integer),
            Column::new("content", ColumnType::Text),
            Column::optional("content_html", ColumnType::Text),
        ],
    },
    secrets::TABLE,
    requests::TABLE,
];
