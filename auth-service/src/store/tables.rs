//! All tables and columns of the database, for copies; `tests/store/tables.rs` compares them with the engines.

use db::schema::{Column, ColumnType, Table};
use db::{requests, secrets};

/// Tables in an order in which each row comes after the rows that it references.
pub(super) const TABLES: [Table; 17] = [
    Table {
        name: "users",
        columns: &[
            Column::new("id", ColumnType::Uuid),
            Column::new("name", ColumnType::Text),
            Column::new("email", ColumnType::Text),
            Column::new("email_key", ColumnType::Text),
            Column::new("password_hash", ColumnType::Text),
            Column::new("roles", ColumnType::Text),
            Column::new("state", ColumnType::Text),
            Column::new("generation", ColumnType::Integer),
            Column::new("sessions_since", ColumnType::Integer),
            Column::new("revision", ColumnType::Integer),
            Column::new("create_time", ColumnType::Time),
            Column::new("update_time", ColumnType::Time),
            Column::optional("last_login_time", ColumnType::Time),
        ],
    },
    Table {
        name: "user_roles",
        columns: &[
            Column::new("role", ColumnType::Text),
            Column::new("user_id", ColumnType::Uuid),
            Column::new("state", ColumnType::Text),
        ],
    },
    Table {
        name: "sessions",
        columns: &[
            Column::new("id", ColumnType::Uuid),
            Column::new("user_id", ColumnType::Uuid),
            Column::new("generation", ColumnType::Integer),
            Column::new("create_time", ColumnType::Time),
            Column::new("expire_time", ColumnType::Time),
            Column::optional("end_time", ColumnType::Time),
            Column::new("peer", ColumnType::Text),
            Column::new("user_agent", ColumnType::Text),
            Column::optional("last_refresh_time", ColumnType::Time),
            Column::new("network", ColumnType::Text),
            Column::new("refresh_generation", ColumnType::Integer),
            Column::new("refresh_salt", ColumnType::Bytes),
            Column::new("refresh_digests", ColumnType::Bytes),
            Column::new("graces", ColumnType::Integer),
            Column::new("idle_expire_time", ColumnType::Time),
            Column::new("over_time", ColumnType::Time),
        ],
    },
    Table {
        name: "deleted_users",
        columns: &[Column::new("id", ColumnType::Uuid), Column::new("delete_time", ColumnType::Time)],
    },
    secrets::TABLE,
    requests::TABLE,
    Table {
        name: "password_resets",
        columns: &[
            Column::new("user_id", ColumnType::Uuid),
            Column::new("digest", ColumnType::Bytes),
            Column::new("generation", ColumnType::Integer),
            Column::new("expire_time", ColumnType::Time),
        ],
    },
    Table {
        name: "api_keys",
        columns: &[
            Column::new("id", ColumnType::Uuid),
            Column::new("name", ColumnType::Text),
            Column::new("roles", ColumnType::Text),
            Column::new("audiences", ColumnType::Text),
            Column::new("revision", ColumnType::Integer),
            Column::new("create_time", ColumnType::Time),
            Column::new("update_time", ColumnType::Time),
            Column::optional("expire_time", ColumnType::Time),
            Column::optional("revoke_time", ColumnType::Time),
            Column::optional("over_time", ColumnType::Time),
            Column::optional("last_used_time", ColumnType::Time),
        ],
    },
    Table {
        name: "api_key_secrets",
        columns: &[
            Column::new("api_key_id", ColumnType::Uuid),
            Column::new("number", ColumnType::Integer),
            Column::new("digest", ColumnType::Bytes),
            Column::new("create_time", ColumnType::Time),
            Column::optional("expire_time", ColumnType::Time),
        ],
    },
    Table {
        name: "failed_attempts",
        columns: &[
            Column::new("account", ColumnType::Bytes),
            Column::new("failures", ColumnType::Integer),
            Column::new("last_time", ColumnType::Time),
        ],
    },
    Table {
        name: "allowances",
        columns: &[
            Column::new("kind", ColumnType::Text),
            Column::new("network", ColumnType::Text),
            Column::new("full_time", ColumnType::Time),
        ],
    },
    Table {
        name: "log_head",
        columns: &[
            Column::new("id", ColumnType::Integer),
            Column::new("log_id", ColumnType::Bytes),
            Column::new("revision", ColumnType::Long),
            Column::new("mark", ColumnType::Bytes),
            Column::new("kind", ColumnType::Text),
            Column::new("subject", ColumnType::Text),
            Column::new("generation", ColumnType::Integer),
            Column::new("log_time", ColumnType::Time),
            Column::new("horizon", ColumnType::Time),
            Column::new("era", ColumnType::Long),
            Column::new("era_before", ColumnType::Long),
            Column::new("era_before_until", ColumnType::Time),
        ],
    },
    Table {
        name: "revocations",
        columns: &[
            Column::new("revision", ColumnType::Long),
            Column::new("mark", ColumnType::Bytes),
            Column::new("kind", ColumnType::Text),
            Column::new("subject", ColumnType::Text),
            Column::new("generation", ColumnType::Integer),
            Column::new("log_time", ColumnType::Time),
        ],
    },
    Table {
        name: "signing_keys",
        columns: &[
            Column::new("number", ColumnType::Integer),
            Column::new("id", ColumnType::Text),
            Column::new("algorithm", ColumnType::Text),
            Column::new("public_jwk", ColumnType::Text),
            Column::optional("sealed", ColumnType::Bytes),
            Column::new("create_time", ColumnType::Time),
            Column::new("sign_time", ColumnType::Time),
            Column::optional("retire_time", ColumnType::Time),
            Column::optional("verify_until", ColumnType::Time),
        ],
    },
    Table {
        name: "audit_events",
        columns: &[
            Column::new("id", ColumnType::Uuid),
            Column::new("event_time", ColumnType::Time),
            Column::new("kind", ColumnType::Text),
            Column::new("actor", ColumnType::Text),
            Column::new("subject", ColumnType::Text),
            Column::new("peer", ColumnType::Text),
            Column::new("user_agent", ColumnType::Text),
            Column::new("request_id", ColumnType::Text),
            Column::new("trace_id", ColumnType::Text),
            Column::new("detail", ColumnType::Text),
            Column::optional("position", ColumnType::Long),
        ],
    },
    Table {
        name: "audit_head",
        columns: &[
            Column::new("id", ColumnType::Integer),
            Column::new("position", ColumnType::Long),
            Column::new("pruned", ColumnType::Long),
        ],
    },
    Table {
        name: "audit_erasures",
        columns: &[
            Column::new("user_id", ColumnType::Uuid),
            Column::new("pseudonym", ColumnType::Text),
            Column::new("delete_time", ColumnType::Time),
        ],
    },
];
