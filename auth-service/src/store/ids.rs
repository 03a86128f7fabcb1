//! Ids in statements and rows.

use crate::domain::{SessionId, UserId};

db::id_columns!(SessionId, UserId);
