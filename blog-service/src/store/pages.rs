//! Pages of published posts, and sizes of posts.

use std::iter::repeat;

use db::{FileRow, FileRowError, ReadRow, SqlStatement};
use sqlx::FromRow;
use uuid::Uuid;

use super::rows::PostRow;
use super::{BlogStore, StoreError};
use crate::domain::{AuthorId, Post, PostId, PostSize, PostState, PostView};

/// Largest number of posts that one statement measures: the size of a batch.
const MAX_MEASURED_POSTS: usize = 100;

impl BlogStore {
    /// Returns the sizes of the posts that exist, in no order, for at most 100 ids, without reading the contents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sizes_of(&self, ids: &[PostId]) -> Result<Vec<PostSize>, StoreError> {
        const SQL: &str = "select id, owner_id, state, octet_length(title) + octet_length(content) + \
             coalesce(octet_length(content_html), 0) + coalesce(octet_length(given_excerpt), 0) + \
             octet_length(made_excerpt) + octet_length(tags) + octet_length(cover_image_url) as octets from posts \
             where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
             $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, \
             $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, \
             $61, $62, $63, $64, $65, $66, $67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80, \
             $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96, $97, $98, $99, $100) \
             order by id limit 100";
        let (mut sizes, mut uncached) = (Vec::with_capacity(ids.len()), Vec::new());
        for id in ids {
            match self.posts.size(*id) {
                Some(size) => sizes.push(size),
                None => uncached.push(*id),
            }
        }
        if uncached.is_empty() {
            return Ok(sizes);
        }
        // Padded to 100 with the nil id, which no row has.
        let padded = uncached.iter().copied().chain(repeat(PostId::NIL)).take(MAX_MEASURED_POSTS);
        let rows: Vec<SizeRow> = self.db.select(padded.fold(SqlStatement::new(SQL), SqlStatement::bind)).await?;
        sizes.extend(rows.into_iter().map(PostSize::from));
        Ok(sizes)
    }

    /// Returns the sizes of at most `limit` published posts older than `after`, newest first, without reading the
    /// contents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_sizes(&self, after: Option<PostId>, limit: u32) -> Result<Vec<PostSize>, StoreError> {
        const SQL: &str = "select id, owner_id, state, octet_length(title) + octet_length(content) + \
             coalesce(octet_length(content_html), 0) + coalesce(octet_length(given_excerpt), 0) + \
             octet_length(made_excerpt) + octet_length(tags) + octet_length(cover_image_url) as octets from posts \
             where id < $1 and state = 'published' order by id desc limit $2";
        let after = after.unwrap_or(PostId::MAX);
        let statement = SqlStatement::new(SQL).bind(after).bind(i64::from(limit));
        let rows: Vec<SizeRow> = self.db.select(statement).await?;
        Ok(rows.into_iter().map(PostSize::from).collect())
    }

    /// Returns at most `limit` published posts older than the post `after`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_posts(&self, after: Option<PostId>, limit: u32, view: PostView) -> Result<Vec<Post>, StoreError> {
        const BASIC: &str = "select id, owner_id, slug, title, '' as content, '' as content_html, given_excerpt, \
             made_excerpt, tags, cover_image_url, language_code, html_version, html_revision, state, publish_time, \
             revision, create_time, update_time from posts where id < $1 and state = 'published' order by id desc \
             limit $2";
        const FULL: &str = "select id, owner_id, slug, title, content, content_html, given_excerpt, made_excerpt, \
             tags, cover_image_url, language_code, html_version, html_revision, state, publish_time, revision, \
             create_time, update_time from posts where id < $1 and state = 'published' order by id desc limit $2";
        let sql = match view {
            PostView::Basic => BASIC,
            PostView::Full => FULL,
        };
        let after = after.unwrap_or(PostId::MAX);
        let statement = SqlStatement::new(sql).bind(after).bind(i64::from(limit));
        let posts: Vec<PostRow> = self.db.select(statement).await?;
        Ok(posts.into_iter().map(Post::from).collect())
    }
}

/// Owner, state and size of a row.
#[derive(FromRow)]
struct SizeRow {
    id: PostId,
    owner_id: AuthorId,
    state: String,
    octets: i32,
}

impl ReadRow for SizeRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self {
            id: row.get::<_, Uuid>(0)?.into(),
            owner_id: row.get::<_, Uuid>(1)?.into(),
            state: row.get(2)?,
            octets: row.get(3)?,
        })
    }
}

impl From<SizeRow> for PostSize {
    fn from(row: SizeRow) -> Self {
        let SizeRow { id, owner_id, state, octets } = row;
        Self { id, owner_id, state: PostState::from_name(&state), octets: octets.unsigned_abs().into() }
    }
}
