//! Tags of published posts, with their counts. Triggers keep the table.

use db::{FileRow, FileRowError, ReadRow, SqlStatement};
use sqlx::FromRow;

use super::{BlogStore, StoreError};
use crate::domain::{Tag, TagCount};

impl BlogStore {
    /// Returns at most `limit` tags of published posts behind the tag `after`, in the order of their bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_tags(&self, after: Option<&Tag>, limit: u32) -> Result<Vec<TagCount>, StoreError> {
        const SQL: &str = "select tag, sum(posts) as posts from tag_counts where tag > $1 group by tag order by \
             tag limit $2";
        // Every tag is greater than the empty text.
        let statement = SqlStatement::new(SQL).bind(after.map_or("", Tag::as_str)).bind(i64::from(limit));
        let rows: Vec<TagRow> = self.db.select(statement).await?;
        Ok(rows.into_iter().map(TagCount::from).collect())
    }
}

/// A tag with its number of posts.
#[derive(FromRow)]
struct TagRow {
    tag: String,
    posts: i64,
}

impl ReadRow for TagRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self { tag: row.get("tag")?, posts: row.get("posts")? })
    }
}

impl From<TagRow> for TagCount {
    fn from(row: TagRow) -> Self {
        Self { tag: Tag::from_stored(row.tag), posts: row.posts.unsigned_abs() }
    }
}
