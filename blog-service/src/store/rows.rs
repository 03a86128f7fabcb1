//! Rows of posts, and the statements that read them by id.

use chrono::{DateTime, Utc};
use db::{Db, FileRow, FileRowError, ReadRow, SqlStatement, StoreError};
use sqlx::FromRow;
use uuid::Uuid;

use crate::domain::{AuthorId, Post, PostId, PostState, PostView, Rendering, Tags};

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
    const BASIC: &str = "select id, owner_id, slug, title, '' as content, '' as content_html, given_excerpt, \
         made_excerpt, tags, cover_image_url, language_code, html_version, html_revision, state, publish_time, \
         revision, create_time, update_time from posts where id = $1";
    const FULL: &str = "select id, owner_id, slug, title, content, content_html, given_excerpt, made_excerpt, tags, \
         cover_image_url, language_code, html_version, html_revision, state, publish_time, revision, create_time, \
         update_time from posts where id = $1";
    let sql = match view {
        PostView::Basic => BASIC,
        PostView::Full => FULL,
    };
    Ok(db.select::<PostRow>(SqlStatement::new(sql).bind(id)).await?.pop().map(Post::from))
}

/// Reads the posts that exist, in no order, for at most [`posts_per_read`] ids.
pub(super) async fn select_posts(db: &Db, ids: &[PostId], view: PostView) -> Result<Vec<Post>, StoreError> {
    const BASIC: &str = "select id, owner_id, slug, title, '' as content, '' as content_html, given_excerpt, \
         made_excerpt, tags, cover_image_url, language_code, html_version, html_revision, state, publish_time, \
         revision, create_time, update_time from posts where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
         $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) \
         order by id limit 32";
    const FULL: &str = "select id, owner_id, slug, title, content, content_html, given_excerpt, made_excerpt, tags, \
         cover_image_url, language_code, html_version, html_revision, state, publish_time, revision, create_time, \
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
    content_html: Option<String>,
    given_excerpt: Option<String>,
    made_excerpt: String,
    tags: String,
    cover_image_url: String,
    language_code: String,
    html_version: Option<i32>,
    html_revision: Option<i32>,
    state: String,
    publish_time: Option<DateTime<Utc>>,
    revision: i32,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
}

impl ReadRow for PostRow {
    /// Reads the columns by their places. By their names a row of a list takes twice the time.
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self {
            id: row.get::<_, Uuid>(0)?.into(),
            owner_id: row.get::<_, Uuid>(1)?.into(),
            slug: row.get(2)?,
            title: row.get(3)?,
            content: row.get(4)?,
            content_html: row.get(5)?,
            given_excerpt: row.get(6)?,
            made_excerpt: row.get(7)?,
            tags: row.get(8)?,
            cover_image_url: row.get(9)?,
            language_code: row.get(10)?,
            html_version: row.get(11)?,
            html_revision: row.get(12)?,
            state: row.get(13)?,
            publish_time: row.get(14)?,
            revision: row.get(15)?,
            create_time: row.get(16)?,
            update_time: row.get(17)?,
        })
    }
}

impl PostRow {
    /// Returns true if the HTML belongs to this revision and is no older than this version's. An earlier version of the
    /// service writes new revisions without HTML.
    fn is_rendered(&self) -> bool {
        self.html_version.is_some_and(|version| version >= Rendering::VERSION)
            && self.html_revision == Some(self.revision)
    }
}

impl From<PostRow> for Post {
    fn from(row: PostRow) -> Self {
        let (is_rendered, state) = (row.is_rendered(), PostState::from_name(&row.state));
        Self {
            id: row.id,
            owner_id: row.owner_id,
            slug: row.slug.unwrap_or_else(|| row.id.to_string()),
            title: row.title,
            content: row.content,
            content_html: row.content_html.filter(|_| is_rendered).unwrap_or_default(),
            is_rendered,
            given_excerpt: row.given_excerpt,
            made_excerpt: row.made_excerpt,
            tags: Tags::from_stored(row.tags),
            cover_image_url: row.cover_image_url,
            language_code: row.language_code,
            state,
            publish_time: match state {
                PostState::Draft => None,
                // Posts from before the column have no time of publication.
                PostState::Scheduled | PostState::Published => row.publish_time.or(Some(row.create_time)),
            },
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
        }
    }
}
