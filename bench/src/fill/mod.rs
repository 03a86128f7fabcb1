//! Rows by the million, for databases that no service has open. The same statements fill both engines.

mod database;
mod dialect;
mod ids;
mod rows;

pub use database::{DatabaseReader, FilledDatabase};
pub use dialect::SqlDialect;
pub use ids::row_id;
pub use rows::{
    MANY_SESSIONS_USER, POST_TAG, SESSION_LIMIT, USER_PERIOD, is_active_user, old_sessions, over_sessions, posts,
    revocations, sessions, user_email, users,
};
