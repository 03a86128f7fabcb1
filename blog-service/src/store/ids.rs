//! Conversion of ids to and from columns of the database.

use crate::domain::{AuthorId, PostId};

db::id_columns!(AuthorId, PostId);
