//! Ids in statements and rows.

use crate::domain::{ApiKeyId, AuditEventId, SessionId, UserId};

db::id_columns!(ApiKeyId, AuditEventId, SessionId, UserId);
