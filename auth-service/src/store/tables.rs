//! All tables and columns of the database, for copies; `tests/store/tables.rs` compares them with the engines.

use db::schema::{Column, Kind, Table};
use db::{requests, secrets};

/// Tables in an order in which each row comes after the rows that it references.
pub(super) const TABLES: [Table; 11] = [
    Table {
        name: "users",
        columns: &[
            Column::new("id", Kind::Uuid),
            Column::new("name", Kind::Text),
            Column::new("email", Kind::Text),
            Column::new("email_key", Kind::Text),
            Column::new("password_hash", Kind::Text),
            Column::new("roles", Kind::Text),
            Column::new("state", Kind::Text),
            Column::new("generation", Kind::Integer),
            Column::new("sessions_since", Kind::Integer),
            Column::new("revision", Kind::Integer),
            Column::new("create_time", Kind::Time),
            Column::new("update_time", Kind::Time),
        ],
    },
    Table { name: "user_roles", columns: &[Column::new("role", Kind::Text), Column::new("user_id", Kind::Uuid)] },
    Table {
        name: "sessions",
        columns: &[
            Column::new("id", Kind::Uuid),
            Column::new("user_id", Kind::Uuid),
            Column::new("generation", Kind::Integer),
            Column::new("create_time", Kind::Time),
            Column::new("expire_time", Kind::Time),
            Column::optional("end_time", Kind::Time),
            Column::new("peer", Kind::Text),
            Column::new("user_agent", Kind::Text),
            Column::optional("last_refresh_time", Kind::Time),
            Column::new("network", Kind::Text),
            Column::new("refresh_generation", Kind::Integer),
            Column::new("refresh_salt", Kind::Bytes),
            Column::new("refresh_digests", Kind::Bytes),
            Column::new("graces", Kind::Integer),
            Column::new("idle_expire_time", Kind::Time),
            Column::new("over_time", Kind::Time),
        ],
    },
    Table { name: "deleted_users", columns: &[Column::new("id", Kind::Uuid), Column::new("delete_time", Kind::Time)] },
    secrets::TABLE,
    requests::TABLE,
    Table {
        name: "failed_attempts",
        columns: &[
            Column::new("account", Kind::Bytes),
            Column::new("failures", Kind::Integer),
            Column::new("last_time", Kind::Time),
        ],
    },
    Table {
        name: "allowances",
        columns: &[
            Column::new("kind", Kind::Text),
            Column::new("network", Kind::Text),
            Column::new("full_time", Kind::Time),
        ],
    },
    Table {
        name: "log_head",
        columns: &[
            Column::new("id", Kind::Integer),
            Column::new("log_id", Kind::Bytes),
            Column::new("revision", Kind::Long),
            Column::new("mark", Kind::Bytes),
            Column::new("kind", Kind::Text),
            Column::new("subject", Kind::Text),
            Column::new("generation", Kind::Integer),
            Column::new("log_time", Kind::Time),
            Column::new("horizon", Kind::Time),
            Column::new("era", Kind::Long),
            Column::new("era_before", Kind::Long),
            Column::new("era_before_until", Kind::Time),
        ],
    },
    Table {
        name: "revocations",
        columns: &[
            Column::new("revision", Kind::Long),
            Column::new("mark", Kind::Bytes),
            Column::new("kind", Kind::Text),
            Column::new("subject", Kind::Text),
            Column::new("generation", Kind::Integer),
            Column::new("log_time", Kind::Time),
        ],
    },
    Table {
        name: "signing_keys",
        columns: &[
            Column::new("number", Kind::Integer),
            Column::new("id", Kind::Text),
            Column::new("algorithm", Kind::Text),
            Column::new("public_jwk", Kind::Text),
            Column::optional("sealed", Kind::Bytes),
            Column::new("create_time", Kind::Time),
            Column::new("sign_time", Kind::Time),
            Column::optional("retire_time", Kind::Time),
            Column::optional("verify_until", Kind::Time),
        ],
    },
];
