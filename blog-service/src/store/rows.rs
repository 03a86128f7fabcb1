//! Rows of posts, and the statements that read them by id.

use chrono::{DateTime, Utc};
use db::{Db, FileRow, FileRowError, ReadRow, SqlStatement, StoreError};
use sqlx::FromRow;
use uuid::Uuid;

use crate::domain::{AuthorId, Post, PostId, PostState, PostView};

/// Returns the number of posts that one statement reads. With their contents few are read at once: they may have grown
/// since they were measured.
pub fn posts_per_read(view: PostView) -> usize {
    match view {
        PostView::Basic => 32,
        PostView::Full => 8,
    }
}

/// Reads a post.
pub(super) async fn select_post(db: &Db, id: PostId, view: PostView) -> Result<Option<Post>, StoreError> {
    const BASIC: &str = "select id, owner_id, slug, title, '' as content, state, publish_time, revision, create_time, \
         update_time from posts where id = $1";
    const FULL: &str = "select id, owner_id, slug, title, content, state, publish_time, revision, create_time, \
         update_time from posts where id = $1";
    let sql = match view {
        PostView::Basic => BASIC,
        PostView::Full => FULL,
    };
    Ok(db.select::<PostRow>(SqlStatement::new(sql).bind(id)).await?.pop().map(Post::from))
}

/// Reads the posts that exist, in no order, for at most [`posts_per_read`] ids.
pub(super) async fn select_posts(db: &Db, ids: &[PostId], view: PostView) -> Result<Vec<Post>, StoreError> {
    const BASIC: &str = "select id, owner_id, slug, title, '' as content, state, publish_time, revision, create_time, \
         update_time from posts where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
         $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) \
         order by id limit 32";
    const FULL: &str = "select id, owner_id, slug, title, content, state, publish_time, revision, create_time, \
         update_time from posts where id in ($1, $2, $3, $4, $5, $6, $7, $8) order by id limit 8";
    let sql = match view {
        PostView::Basic => BASIC,
        PostView::Full => FULL,
    };
    // Padded with the nil id, which no row has.
    let padded = ids.iter().copied().chain(std::iter::repeat(PostId::NIL)).take(posts_per_read(view));
    let posts: Vec<PostRow> = db.select(padded.fold(SqlStatement::new(sql), SqlStatement::bind)).await?;
    Ok(posts.into_iter().map(Post::from).collect())
}

/// A row of the table.
#[derive(FromRow)]
pub(super) struct PostRow {
    id: PostId,
    owner_id: AuthorId,
    slug: Option<String>,
    title: String,
    content: String,
    state: String,
    publish_time: Option<DateTime<Utc>>,
    revision: i32,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

impl ReadRow for PostRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self {
            id: row.get::<_, Uuid>("id")?.into(),
            owner_id: row.get::<_, Uuid>("owner_id")?.into(),
            slug: row.get("slug")?,
            title: row.get("title")?,
            content: row.get("content")?,
            state: row.get("state")?,
            publish_time: row.get("publish_time")?,
            revision: row.get("revision")?,
            create_time: row.get("create_time")?,
            update_time: row.get("update_time")?,
        })
    }
}

impl From<PostRow> for Post {
    fn from(row: PostRow) -> Self {
        let PostRow { id, owner_id, slug, title, content, state, publish_time, revision, create_time, update_time } =
            row;
        let state = PostState::from_name(&state);
        Self {
            id,
            owner_id,
            slug: slug.unwrap_or_else(|| id.to_string()),
            title,
            content,
            state,
            publish_time: match state {
                PostState::Draft => None,
                // Posts from before the column have no time of publication.
                PostState::Scheduled | PostState::Published => publish_time.or(Some(create_time)),
            },
            revision,
            create_time,
            update_time,
        }
    }
}
