//! Changes of the state of posts, by callers and by the clock.

use std::iter::repeat;

use chrono::TimeDelta;
use db::{FileRow, FileRowError, ReadRow, SqlStatement, settle, write, write_one};
use sqlx::FromRow;
use uuid::Uuid;

use super::rows::PostRow;
use super::{BlogStore, ChangeResult, PostUnchanged, StoreError, Time};
use crate::domain::{Post, PostId, PostState, PostView, Publication};

/// Largest number of posts that one statement publishes.
const MAX_DUE_POSTS: usize = 32;

/// Time between the present and the last post that a call looks for.
const LOOK_AHEAD: TimeDelta = TimeDelta::seconds(1);

/// Number of scheduled posts that were published, and the time of the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishedPosts {
    /// Number of posts that this call has published.
    pub count: u64,
    /// Time at which the next post is due; `None` if no post is due within a second.
    pub next: Option<Time>,
}

impl BlogStore {
    /// Publishes a draft or a scheduled post, or schedules it. Returns the post without its content.
    ///
    /// `expected` is the revision that the change requires; `None` accepts any.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written, except with [`StoreError::Unknown`].
    pub async fn publish_post(
        &self,
        id: PostId,
        publication: Publication,
        expected: Option<i32>,
        now: Time,
    ) -> ChangeResult<Post> {
        let (state, time) = (publication.state(), publication.time(now));
        let is_ours = |post: &Post| post.update_time == now && post.state == state && post.publish_time == Some(time);
        settle(
            || self.try_publish(id, publication, expected, now),
            || async { Ok(self.post(id, PostView::Basic).await?.filter(is_ours).map(Ok)) },
        )
        .await
    }

    async fn try_publish(
        &self,
        id: PostId,
        publication: Publication,
        expected: Option<i32>,
        now: Time,
    ) -> ChangeResult<Post> {
        const SQL: &str = "update posts set state = $2, publish_time = $3, revision = revision + 1, html_revision = \
             html_revision + 1, update_time = $4 where id = $1 and state <> 'published' and ($5 is null or revision \
             = $5) returning id, owner_id, slug, title, '' as content, '' as content_html, given_excerpt, \
             made_excerpt, tags, cover_image_url, language_code, html_version, html_revision, state, publish_time, \
             revision, create_time, update_time";
        let post: Option<PostRow> = write_one!(
            self.db,
            sqlx::query_as(SQL)
                .bind(id)
                .bind(publication.state().as_str())
                .bind(publication.time(now))
                .bind(now)
                .bind(expected),
            self.posts.hold(id)
        )?;
        match post {
            Some(post) => Ok(Ok(post.into())),
            None => Ok(Err(self.unmoved(id, expected, PostState::Published).await?)),
        }
    }

    /// Makes a published or scheduled post a draft. Returns the post without its content.
    ///
    /// `expected` is the revision that the change requires; `None` accepts any.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written, except with [`StoreError::Unknown`].
    pub async fn unpublish_post(&self, id: PostId, expected: Option<i32>, now: Time) -> ChangeResult<Post> {
        let is_ours = |post: &Post| post.update_time == now && post.state == PostState::Draft;
        settle(
            || self.try_unpublish(id, expected, now),
            || async { Ok(self.post(id, PostView::Basic).await?.filter(is_ours).map(Ok)) },
        )
        .await
    }

    async fn try_unpublish(&self, id: PostId, expected: Option<i32>, now: Time) -> ChangeResult<Post> {
        const SQL: &str = "update posts set state = 'draft', publish_time = null, revision = revision + 1, \
             html_revision = html_revision + 1, update_time = $2 where id = $1 and state <> 'draft' and ($3 is null \
             or revision = $3) returning id, owner_id, slug, title, '' as content, '' as content_html, \
             given_excerpt, made_excerpt, tags, cover_image_url, language_code, html_version, html_revision, state, \
             publish_time, revision, create_time, update_time";
        let post: Option<PostRow> =
            write_one!(self.db, sqlx::query_as(SQL).bind(id).bind(now).bind(expected), self.posts.hold(id))?;
        match post {
            Some(post) => Ok(Ok(post.into())),
            None => Ok(Err(self.unmoved(id, expected, PostState::Draft).await?)),
        }
    }

    /// Returns the reason why a statement that excludes a state changed no row.
    async fn unmoved(
        &self,
        id: PostId,
        expected: Option<i32>,
        excluded: PostState,
    ) -> Result<PostUnchanged, StoreError> {
        let Some(post) = self.post(id, PostView::Basic).await? else { return Ok(PostUnchanged::NotFound) };
        let is_expected = expected.is_none_or(|expected| expected == post.revision);
        let is_wrong = is_expected && post.state == excluded;
        Ok(if is_wrong { PostUnchanged::WrongState(excluded) } else { PostUnchanged::Stale })
    }

    /// Publishes at most 32 scheduled posts whose time has come.
    ///
    /// The statement changes only posts that are still scheduled and due. So of several replicas one publishes each
    /// post, and a repetition publishes no post twice.
    ///
    /// # Errors
    /// [`StoreError`]; a later call publishes the posts that are still scheduled.
    pub async fn publish_due_posts(&self, now: Time) -> Result<PublishedPosts, StoreError> {
        const SQL: &str = "update posts set state = 'published', revision = revision + 1, html_revision = \
             html_revision + 1, update_time = $1 where id in ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
             $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33) and \
             state = 'scheduled' and publish_time <= $1";
        let scheduled = self.scheduled_until(now + LOOK_AHEAD).await?;
        let next = scheduled.iter().find(|row| row.publish_time > now).map(|row| row.publish_time);
        let due: Vec<PostId> = scheduled.iter().filter(|row| row.publish_time <= now).map(|row| row.id).collect();
        if due.is_empty() {
            return Ok(PublishedPosts { count: 0, next });
        }
        // Padded with the nil id, which no row has.
        let padded = || due.iter().copied().chain(repeat(PostId::NIL)).take(MAX_DUE_POSTS);
        let count = write!(
            self.db,
            padded().fold(sqlx::query(SQL).bind(now), sqlx::query::Query::bind),
            self.posts.hold_all(&due)
        )?;
        // More posts may be due now.
        Ok(PublishedPosts { count, next: if due.len() < MAX_DUE_POSTS { next } else { Some(now) } })
    }

    /// Returns the posts that are due until this time, in the order of their times.
    async fn scheduled_until(&self, time: Time) -> Result<Vec<ScheduledRow>, StoreError> {
        const SQL: &str = "select id, publish_time from posts where state = 'scheduled' and publish_time <= $1 order \
             by publish_time, id limit 32";
        self.db.select(SqlStatement::new(SQL).bind(time)).await
    }
}

/// A scheduled post.
#[derive(FromRow)]
struct ScheduledRow {
    id: PostId,
    publish_time: Time,
}

impl ReadRow for ScheduledRow {
    fn from_file(row: &FileRow<'_>) -> Result<Self, FileRowError> {
        Ok(Self { id: row.get::<_, Uuid>("id")?.into(), publish_time: row.get("publish_time")? })
    }
}
