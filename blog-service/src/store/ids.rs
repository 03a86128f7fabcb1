//! Ids in statements and rows.

use crate::domain::{AuthorId, PostId};

db::id_columns!(AuthorId, PostId);
