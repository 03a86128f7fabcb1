//! The few expressions that the engines write differently.

use super::ids::{FIRST_ROW_SECONDS, ID_FACTORS, ID_MASKS, id_millis_sql};

/// The SQL of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlDialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl SqlDialect {
    /// Returns the beginning of a statement that can select from `numbers (n)`, the numbers from `first` to `last`.
    pub(super) fn numbers(self, first: u64, last: u64) -> String {
        match self {
            Self::Sqlite => format!(
                "with recursive numbers (n) as (select {first} where {first} <= {last} \
                 union all select n + 1 from numbers where n < {last}) "
            ),
            Self::Postgres => {
                format!("with numbers (n) as (select n from generate_series({first}::bigint, {last}::bigint) n) ")
            }
        }
    }

    /// Returns the id of the row with this number, an expression: the value of [`row_id`](super::row_id).
    pub fn id(self, number: &str) -> String {
        let number = format!("cast({number} as bigint)");
        let millis = id_millis_sql(&number);
        let [a, b, c] = [0, 1, 2].map(|part| format!("({number} * {}) & {}", ID_FACTORS[part], ID_MASKS[part]));
        match self {
            Self::Sqlite => format!("unhex(printf('%012x7%03x8%03x%012x', {millis}, {a}, {b}, {c}))"),
            Self::Postgres => {
                let hex = |value: &str, digits: u8| format!("lpad(to_hex({value}), {digits}, '0')");
                let [millis, a, b, c] = [hex(&millis, 12), hex(&a, 3), hex(&b, 3), hex(&c, 12)];
                format!("({millis} || '7' || {a} || '8' || {b} || {c})::uuid")
            }
        }
    }

    /// Returns the time of the row with this number, an expression.
    pub(super) fn row_time(self, number: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("strftime('%Y-%m-%dT%H:%M:%f+00:00', {FIRST_ROW_SECONDS} + {number}, 'unixepoch')")
            }
            Self::Postgres => format!("to_timestamp({FIRST_ROW_SECONDS} + {number})"),
        }
    }

    /// Returns the time this many seconds from now.
    pub fn from_now(self, seconds: i64) -> String {
        match self {
            Self::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '{seconds} seconds')"),
            Self::Postgres => format!("now() + interval '{seconds} seconds'"),
        }
    }

    /// Returns sixteen random bytes.
    pub(super) fn random_bytes(self) -> &'static str {
        match self {
            Self::Sqlite => "randomblob(16)",
            Self::Postgres => "uuid_send(gen_random_uuid())",
        }
    }

    /// Returns a random UUID as text.
    pub(super) fn random_id_text(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || \
                 hex(randomblob(2)) || '-' || hex(randomblob(6)))"
            }
            Self::Postgres => "gen_random_uuid()::text",
        }
    }
}
