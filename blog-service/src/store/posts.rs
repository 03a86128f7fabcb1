//! Rows of the posts table.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use db::{
    FileRow, FileRowError, ReadRow, SqlStatement, TransactionOutcome, requests, settle, transaction, within, write,
};
use kit::request_id::RequestKey;
use sqlx::FromRow;
use uuid::Uuid;

use super::rows::{PostRow, select_post, select_posts};
use super::{BlogStore, StoreError};
use crate::domain::{AuthorId, Content, Post, PostId, PostView, Title};

/// Largest number of posts that one statement measures: the size of a batch.
const MAX_MEASURED_POSTS: usize = 100;

/// A post to insert.
#[derive(Clone, Debug)]
pub struct NewPost {
    /// Id.
    pub id: PostId,
    /// Author and owner.
    pub owner_id: AuthorId,
    /// Title.
    pub title: Title,
    /// Text.
    pub content: Content,
    /// Time of creation.
    pub create_time: DateTime<Utc>,
}

/// Size of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostSize {
    /// The post.
    pub id: PostId,
    /// Bytes of title and content.
    pub octets: u64,
}

/// Returns the statement that inserts a post. The engines' statements have different types.
macro_rules! insertion {
    ($new:expr) => {{
        const SQL: &str = "insert into posts (id, owner_id, title, content, revision, create_time, update_time) \
             values ($1, $2, $3, $4, 1, $5, $5)";
        sqlx::query(SQL)
            .bind($new.id)
            .bind($new.owner_id)
            .bind($new.title.as_str())
            .bind($new.content.as_str())
            .bind($new.create_time)
    }};
}

impl From<NewPost> for Post {
    /// Returns the post at its first revision.
    fn from(new: NewPost) -> Self {
        let NewPost { id, owner_id, title, content, create_time } = new;
        let (title, content) = (title.into_string(), content.into_string());
        Self { id, owner_id, title, content, revision: 1, create_time, update_time: create_time }
    }
}

impl BlogStore {
    /// Inserts a post; returns `None` if a request with the same id was first.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written, except with [`StoreError::Unknown`].
    pub async fn create_post(&self, new: NewPost, request: Option<&RequestKey>) -> Result<Option<Post>, StoreError> {
        // Shared with the transaction, which may run twice: the content is neither copied nor read back.
        let new = Arc::new(new);
        let find = || async { Ok::<_, StoreError>(self.post(new.id, PostView::Basic).await?.map(|_| true)) };
        let is_made = settle(|| self.try_create(&new, request), find).await?;
        Ok(is_made.then(|| Arc::unwrap_or_clone(new).into()))
    }

    /// Returns `false` if a request with the same id was first.
    async fn try_create(&self, new: &Arc<NewPost>, request: Option<&RequestKey>) -> Result<bool, StoreError> {
        let Some(request) = request.cloned() else {
            // One statement, which needs no round trips to begin and to commit.
            return write!(self.db, insertion!(new)).map(|_| true);
        };
        let new = Arc::clone(new);
        transaction!(self.db, async move |mut tx| {
            if !requests::keep(&mut tx, &request, new.id, new.create_time).await? {
                return Ok(TransactionOutcome::Undo(false));
            }
            within!(tx, insertion!(new))?;
            Ok(TransactionOutcome::Commit(true))
        })
    }

    /// Returns the post with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn post(&self, id: PostId, view: PostView) -> Result<Option<Post>, StoreError> {
        if let Some(post) = self.posts.find(id, view) {
            return Ok(Some(post));
        }
        if let Some(grouped) = self.grouped.as_ref().filter(|_| view == PostView::Full) {
            return grouped.post(id).await;
        }
        let read = self.posts.begin_read(id, view);
        Ok(select_post(&self.db, id, view).await?.map(|post| read.keep(post)))
    }

    /// Returns the posts that exist, in no order, for at most [`posts_per_read`](super::posts_per_read) ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn posts_of(&self, ids: &[PostId], view: PostView) -> Result<Vec<Post>, StoreError> {
        let (mut posts, mut uncached) = (Vec::with_capacity(ids.len()), Vec::new());
        for id in ids {
            match self.posts.find(*id, view) {
                Some(post) => posts.push(post),
                None => uncached.push(*id),
            }
        }
        if !uncached.is_empty() {
            posts.extend(self.uncached_posts_of(&uncached, view).await?);
        }
        Ok(posts)
    }

    async fn uncached_posts_of(&self, ids: &[PostId], view: PostView) -> Result<Vec<Post>, StoreError> {
        let mut reads: HashMap<PostId, _> = ids.iter().map(|id| (*id, self.posts.begin_read(*id, view))).collect();
        let posts = select_posts(&self.db, ids, view).await?;
        let kept = |post: Post| match reads.remove(&post.id) {
            Some(read) => read.keep(post),
            None => post,
        };
        Ok(posts.into_iter().map(kept).collect())
    }

    /// Returns the total bytes of titles and contents of at most 100 posts, without reading them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn octets_of(&self, ids: &[PostId]) -> Result<u64, StoreError> {
        const SQL: &str = "select coalesce(sum(octet_length(title) + octet_length(content)), 0) \
             from posts where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
             $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, \
             $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, \
             $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, \
             $78, $79, $80, $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93, $94, $95, $96, $97, \
             $98, $99, $100)";
        let (mut cached_octets, mut uncached) = (0, Vec::new());
        for id in ids {
            match self.posts.octets(*id) {
                Some(octets) => cached_octets += octets,
                None => uncached.push(*id),
            }
        }
        let cached_octets = u64::try_from(cached_octets).unwrap_or(u64::MAX);
        if uncached.is_empty() {
            return Ok(cached_octets);
        }
        // Padded to 100 with the nil id, which no row has.
        let padded = uncached.iter().copied().chain(std::iter::repeat(PostId::NIL)).take(MAX_MEASURED_POSTS);
        let sums: Vec<(i64,)> = self.db.select(padded.fold(SqlStatement::new(SQL), SqlStatement::bind)).await?;
        Ok(sums.iter().fold(cached_octets, |octets, (sum,)| octets.saturating_add(sum.unsigned_abs())))
    }

    /// Returns the sizes of at most `limit` posts older than `after`, newest first, without reading the contents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_octets(&self, after: Option<PostId>, limit: u32) -> Result<Vec<PostSize>, StoreError> {
        const SQL: &str = "select id, octet_length(title) + octet_length(content) as octets \
             from posts where id < $1 order by id desc limit $2";
        let after = after.unwrap_or(PostId::MAX);
        let statement = SqlStatement::new(SQL).bind(after).bind(i64::from(limit));
        let rows: Vec<SizeRow> = self.db.select(statement).await?;
        Ok(rows.into_iter().map(|row| PostSize { id: row.id, octets: row.octets.unsigned_abs().into() }).collect())
    }

    /// Returns at most `limit` posts older than the post `after`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_posts(&self, after: Option<PostId>, limit: u32, view: PostView) -> Result<Vec<Post>, StoreError> {
        const BASIC: &str = "select id, owner_id, title, '' as content, revision, create_time, update_time \
             from posts where id < $1 order by id desc limit $2";
        const FULL: &str = "select id, owner_id, title, content, revision, create_time, update_time \
             from posts where id < $1 order by id desc limit $2";
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

/// The size of a row.
#[derive(FromRow)]
struct SizeRow {
    id: PostId,
    octets: i32,
}

impl ReadRow for SizeRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self { id: row.get::<_, Uuid>("id")?.into(), octets: row.get("octets")? })
    }
}
