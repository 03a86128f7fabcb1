//! Changes and deletions of posts.

use db::{settle, write, write_one};

use super::rows::PostRow;
use super::{BlogStore, StoreError, Time};
use crate::domain::{
    CoverUrl, GivenExcerpt, LanguageCode, Post, PostChange, PostId, PostState, PostView, Rendering, Slug, Tags, Title,
};

/// Reason for an unchanged post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostUnchanged {
    /// There is no such post.
    NotFound,
    /// The post has a newer revision than the change expects, or has changed meanwhile.
    Stale,
    /// Another post has the new slug.
    SlugTaken,
    /// The post's state, this one, does not allow the change.
    WrongState(PostState),
}

/// Result of a change. After a [`StoreError`] nothing is written; after [`StoreError::Unknown`] the outcome is unknown.
pub type ChangeResult<T> = Result<Result<T, PostUnchanged>, StoreError>;

impl BlogStore {
    /// Changes the given fields.
    ///
    /// `expected` is the revision that the change requires; `None` accepts any.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written, except with [`StoreError::Unknown`].
    pub async fn update_post(
        &self,
        id: PostId,
        change: PostChange,
        expected: Option<i32>,
        now: Time,
    ) -> ChangeResult<Post> {
        let is_ours = |post: &Post| {
            post.update_time == now
                && change.title.as_ref().is_none_or(|title| *title.as_str() == post.title)
                && change.body.as_ref().is_none_or(|body| *body.content.as_str() == post.content)
                && change.slug.as_ref().is_none_or(|slug| *slug.as_str() == post.slug)
                && change.excerpt.as_ref().is_none_or(|given| *given.as_str() == *post.given_excerpt())
                && change.tags.as_ref().is_none_or(|tags| *tags == post.tags)
                && change.cover.as_ref().is_none_or(|cover| *cover.as_str() == post.cover_image_url)
                && change.language.as_ref().is_none_or(|language| *language.as_str() == post.language_code)
        };
        let updated = settle(
            || self.try_update(id, &change, expected, now),
            || async { Ok(self.post(id, PostView::Full).await?.filter(is_ours).map(Ok)) },
        )
        .await?;
        Ok(updated.map(|post| change.apply(post)))
    }

    /// Returns the row, without its content and HTML if the change replaces them.
    async fn try_update(
        &self,
        id: PostId,
        change: &PostChange,
        expected: Option<i32>,
        now: Time,
    ) -> ChangeResult<Post> {
        const SQL: &str = "update posts set title = coalesce($2, title), content = coalesce($3, content), slug = \
             coalesce($4, slug), revision = revision + 1, update_time = $5, content_html = coalesce($7, \
             content_html), made_excerpt = coalesce($8, made_excerpt), html_version = case when $7 is null then \
             html_version else $9 end, html_revision = case when $7 is null then html_revision + 1 else revision + 1 \
             end, given_excerpt = case when $10 is null then given_excerpt else nullif($10, '') end, tags = \
             coalesce($11, tags), cover_image_url = coalesce($12, cover_image_url), language_code = coalesce($13, \
             language_code) where id = $1 and ($6 is null or revision = $6) returning id, owner_id, slug, title, \
             case when $3 is null then content else '' end as content, case when $3 is null then content_html else \
             '' end as content_html, given_excerpt, made_excerpt, tags, cover_image_url, language_code, \
             html_version, html_revision, state, publish_time, revision, create_time, update_time";
        let body = change.body.as_ref();
        let post: Result<Option<PostRow>, StoreError> = write_one!(
            self.db,
            sqlx::query_as(SQL)
                .bind(id)
                .bind(change.title.as_ref().map(Title::as_str))
                .bind(body.map(|body| body.content.as_str()))
                .bind(change.slug.as_ref().map(Slug::as_str))
                .bind(now)
                .bind(expected)
                .bind(body.map(|body| body.rendering.html.as_str()))
                .bind(body.map(|body| body.rendering.excerpt.as_str()))
                .bind(Rendering::VERSION)
                .bind(change.excerpt.as_ref().map(GivenExcerpt::as_str))
                .bind(change.tags.as_ref().map(Tags::as_str))
                .bind(change.cover.as_ref().map(CoverUrl::as_str))
                .bind(change.language.as_ref().map(LanguageCode::as_str)),
            self.posts.hold(id)
        );
        match post {
            Ok(Some(post)) => Ok(Ok(post.into())),
            Ok(None) => Ok(Err(self.unchanged(id).await?)),
            // Only slugs are unique here.
            Err(StoreError::Taken(_)) => Ok(Err(PostUnchanged::SlugTaken)),
            Err(error) => Err(error),
        }
    }

    /// Deletes a post permanently, and frees its slugs.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written, except with [`StoreError::Unknown`].
    pub async fn delete_post(&self, id: PostId, expected: Option<i32>) -> ChangeResult<()> {
        // The post existed at the start of the call, so a missing post has been deleted.
        let find = || async { Ok::<_, StoreError>(self.post(id, PostView::Basic).await?.is_none().then_some(Ok(()))) };
        settle(|| self.try_delete(id, expected), find).await
    }

    async fn try_delete(&self, id: PostId, expected: Option<i32>) -> ChangeResult<()> {
        const SQL: &str = "delete from posts where id = $1 and ($2 is null or revision = $2)";
        let deleted = write!(self.db, sqlx::query(SQL).bind(id).bind(expected), self.posts.hold(id))?;
        if deleted == 0 {
            return Ok(Err(self.unchanged(id).await?));
        }
        self.last_numbers.clear();
        Ok(Ok(()))
    }

    /// Stores a rendering of the post at this revision, if the stored one is out of date. Returns true if the rendering was
    /// stored. The post keeps its revision and its times.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_rendering(&self, id: PostId, revision: i32, rendering: &Rendering) -> Result<bool, StoreError> {
        const SQL: &str = "update posts set content_html = $3, made_excerpt = $4, html_version = $5, html_revision = \
             revision where id = $1 and revision = $2 and (html_version is null or html_version < $5 or \
             html_revision <> revision)";
        let kept = write!(
            self.db,
            sqlx::query(SQL)
                .bind(id)
                .bind(revision)
                .bind(&rendering.html)
                .bind(&rendering.excerpt)
                .bind(Rendering::VERSION),
            self.posts.hold(id)
        )?;
        Ok(kept > 0)
    }

    /// Returns the reason why a statement changed no row.
    async fn unchanged(&self, id: PostId) -> Result<PostUnchanged, StoreError> {
        let found = self.post(id, PostView::Basic).await?;
        Ok(if found.is_some() { PostUnchanged::Stale } else { PostUnchanged::NotFound })
    }
}
