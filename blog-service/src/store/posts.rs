//! Rows of the posts table.

use chrono::{DateTime, Utc};
use kit::db::requests;
use kit::request_id::RequestKey;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::{Content, Post, Title, View};

/// A post to be.
#[derive(Clone, Debug)]
pub struct NewPost {
    /// The row's id, a `UUIDv7`.
    pub id: Uuid,
    /// The user who writes it.
    pub owner_id: Uuid,
    /// The title.
    pub title: Title,
    /// The text.
    pub content: Content,
    /// When it is created.
    pub create_time: DateTime<Utc>,
}

impl Store {
    /// Adds a post, or does nothing and returns `None` when a request under the same id has come first.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn create_post(&self, new: &NewPost, request: Option<&RequestKey>) -> Result<Option<Post>, StoreError> {
        const SQL: &str = "insert into posts (id, owner_id, title, content, revision, create_time, update_time) \
             values ($1, $2, $3, $4, 1, $5, $5) \
             returning id, owner_id, title, content, revision, create_time, update_time";
        let mut transaction = self.db.begin().await?;
        if let Some(key) = request
            && !requests::keep(&mut transaction, key, new.id, new.create_time).await?
        {
            return Ok(None);
        }
        let post = sqlx::query_as(SQL)
            .bind(new.id)
            .bind(new.owner_id)
            .bind(new.title.as_str())
            .bind(new.content.as_str())
            .bind(new.create_time)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(post))
    }

    /// The post with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn post(&self, id: Uuid, view: View) -> Result<Option<Post>, StoreError> {
        const BASIC: &str = "select id, owner_id, title, '' as content, revision, create_time, update_time \
             from posts where id = $1";
        const FULL: &str = "select id, owner_id, title, content, revision, create_time, update_time \
             from posts where id = $1";
        let sql = match view {
            View::Basic => BASIC,
            View::Full => FULL,
        };
        Ok(sqlx::query_as(sql).bind(id).fetch_optional(self.db.reader()).await?)
    }

    /// Those of these posts that exist, in no order; at most eight are asked for at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn posts_of(&self, ids: &[Uuid], view: View) -> Result<Vec<Post>, StoreError> {
        const BASIC: &str = "select id, owner_id, title, '' as content, revision, create_time, update_time \
             from posts where id in ($1, $2, $3, $4, $5, $6, $7, $8) order by id limit 8";
        const FULL: &str = "select id, owner_id, title, content, revision, create_time, update_time \
             from posts where id in ($1, $2, $3, $4, $5, $6, $7, $8) order by id limit 8";
        let sql = match view {
            View::Basic => BASIC,
            View::Full => FULL,
        };
        // What is missing in the eight is the nil id, which no row has.
        let padded = ids.iter().copied().chain(std::iter::repeat(Uuid::nil())).take(8);
        let query = padded.fold(sqlx::query_as(sql), sqlx::query::QueryAs::bind);
        Ok(query.fetch_all(self.db.reader()).await?)
    }

    /// At most `limit` posts, newest first, that are older than the post `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_posts(&self, after: Option<Uuid>, limit: u32, view: View) -> Result<Vec<Post>, StoreError> {
        const BASIC: &str = "select id, owner_id, title, '' as content, revision, create_time, update_time \
             from posts where id < $1 order by id desc limit $2";
        const FULL: &str = "select id, owner_id, title, content, revision, create_time, update_time \
             from posts where id < $1 order by id desc limit $2";
        let sql = match view {
            View::Basic => BASIC,
            View::Full => FULL,
        };
        let after = after.unwrap_or(Uuid::max());
        Ok(sqlx::query_as(sql).bind(after).bind(i64::from(limit)).fetch_all(self.db.reader()).await?)
    }
}

impl FromRow<'_, SqliteRow> for Post {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            owner_id: row.try_get("owner_id")?,
            title: row.try_get("title")?,
            content: row.try_get("content")?,
            revision: row.try_get("revision")?,
            create_time: row.try_get("create_time")?,
            update_time: row.try_get("update_time")?,
        })
    }
}
