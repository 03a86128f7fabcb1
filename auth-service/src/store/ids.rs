//! Ids in statements and rows.

use crate::domain::{AuditEventId, SessionId, UserId};

db::id_columns!(AuditEventId, SessionId, UserId);
