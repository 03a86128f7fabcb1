//! Creation of posts, and reads by id.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use db::{TransactionOutcome, requests, settle, transaction, within, write};
use kit::request_id::RequestKey;

use super::rows::{select_post, select_posts};
use super::{BlogStore, StoreError};
use crate::domain::{
    AuthorId, Body, Post, PostDetails, PostId, PostState, PostView, Rendering, Slug, SlugNumbers, Title,
};

/// Number of slugs that are tried for a made slug while other calls take them. After that the post's id is its slug.
const MADE_SLUG_TRIES: u32 = 8;

/// A post to insert.
#[derive(Clone, Debug)]
pub struct NewPost {
    /// Id.
    pub id: PostId,
    /// Author and owner.
    pub owner_id: AuthorId,
    /// Slug.
    pub slug: NewSlug,
    /// Title.
    pub title: Title,
    /// Text with its rendering.
    pub body: Body,
    /// Excerpt, tags, cover and language.
    pub details: PostDetails,
    /// State: a draft, or published at the time of creation.
    pub state: PostState,
    /// Time of creation.
    pub create_time: DateTime<Utc>,
}

/// Slug of a post to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewSlug {
    /// Exactly this slug.
    Given(Slug),
    /// This slug, or the slug with a number if it is taken.
    Made(Slug),
    /// No slug of its own: the post's id.
    FromId,
}

/// Reason why no post was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCreated {
    /// A request with the same id was first.
    Repeated,
    /// Another post has the given slug.
    SlugTaken,
}

/// Result of an insert with one slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Made,
    /// A request with the same id was first.
    Repeated,
    /// Another post has the slug.
    SlugTaken,
}

/// Returns the statement that inserts a post. The engines' statements have different types.
macro_rules! insertion {
    ($new:expr, $slug:expr) => {{
        const SQL: &str = "insert into posts (id, owner_id, slug, title, content, state, publish_time, revision, \
             create_time, update_time, content_html, made_excerpt, html_version, html_revision, given_excerpt, tags, \
             cover_image_url, language_code) values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, $9, $10, $11, 1, $12, \
             $13, $14, $15)";
        sqlx::query(SQL)
            .bind($new.id)
            .bind($new.owner_id)
            .bind($slug.map(Slug::as_str))
            .bind($new.title.as_str())
            .bind($new.body.content.as_str())
            .bind($new.state.as_str())
            .bind($new.publish_time())
            .bind($new.create_time)
            .bind($new.body.rendering.html.as_str())
            .bind($new.body.rendering.excerpt.as_str())
            .bind(Rendering::VERSION)
            .bind($new.given_excerpt())
            .bind($new.details.tags.as_str())
            .bind($new.details.cover.as_str())
            .bind($new.details.language.as_str())
    }};
}

impl NewSlug {
    /// Returns the slug with this number; `None` if the post's id is the slug.
    fn numbered(&self, number: Option<u32>) -> Option<Slug> {
        match self {
            Self::Given(slug) => Some(slug.clone()),
            Self::Made(base) => number.map(|number| base.numbered(number)),
            Self::FromId => None,
        }
    }
}

impl NewPost {
    /// Returns the time of publication.
    fn publish_time(&self) -> Option<DateTime<Utc>> {
        (self.state == PostState::Published).then_some(self.create_time)
    }

    /// Returns the author's excerpt.
    fn given_excerpt(&self) -> Option<&str> {
        Some(self.details.excerpt.as_str()).filter(|excerpt| !excerpt.is_empty())
    }

    /// Returns the post at its first revision, with this slug of its own.
    fn into_post(self, slug: Option<Slug>) -> Post {
        let publish_time = self.publish_time();
        let Self { id, owner_id, slug: _, title, body, details, state, create_time } = self;
        let PostDetails { excerpt, tags, cover, language } = details;
        Post {
            id,
            owner_id,
            slug: slug.map_or_else(|| id.to_string(), Slug::into_string),
            title: title.into_string(),
            content: body.content.into_string(),
            content_html: body.rendering.html,
            is_rendered: true,
            given_excerpt: excerpt.into_given(),
            made_excerpt: body.rendering.excerpt,
            tags,
            cover_image_url: cover.into_string(),
            language_code: language.into_string(),
            state,
            publish_time,
            revision: 1,
            create_time,
            update_time: create_time,
        }
    }
}

/// Returns how far beyond the free number the next try goes. Processes that create posts with one title at once would
/// otherwise all try the same number, and one of them would get it.
fn numbers_ahead(id: PostId, attempt: u32) -> u32 {
    if attempt == 1 {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    (id.as_u128(), attempt).hash(&mut hasher);
    u32::try_from(hasher.finish() % (16 << (2 * attempt))).unwrap_or_default()
}

impl BlogStore {
    /// Inserts a post, unless a request with the same id was first or the given slug is taken.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written, except with [`StoreError::Unknown`].
    pub async fn create_post(
        &self,
        new: NewPost,
        request: Option<&RequestKey>,
    ) -> Result<Result<Post, NotCreated>, StoreError> {
        // Shared with the transaction, which may run twice: the content is neither copied nor read back.
        let new = Arc::new(new);
        let mut number = self.first_number(&new.slug);
        let mut slug = new.slug.numbered(number);
        for attempt in 1.. {
            let find =
                || async { Ok::<_, StoreError>(self.post(new.id, PostView::Basic).await?.map(|_| Attempt::Made)) };
            match settle(|| self.try_create(&new, slug.as_ref(), request), find).await? {
                Attempt::Made => break,
                Attempt::Repeated => return Ok(Err(NotCreated::Repeated)),
                Attempt::SlugTaken => {}
            }
            number = match (&new.slug, number) {
                (NewSlug::Made(base), Some(taken)) if attempt < MADE_SLUG_TRIES => {
                    self.next_number(base, taken, numbers_ahead(new.id, attempt)).await?
                }
                (NewSlug::Made(_), _) => None,
                (NewSlug::Given(_) | NewSlug::FromId, _) => return Ok(Err(NotCreated::SlugTaken)),
            };
            slug = new.slug.numbered(number);
        }
        Ok(Ok(Arc::unwrap_or_clone(new).into_post(slug)))
    }

    /// Returns the number that a new post tries first; `None` if no number is left.
    fn first_number(&self, slug: &NewSlug) -> Option<u32> {
        match slug {
            NewSlug::Made(base) => self.last_numbers.next(base),
            NewSlug::Given(_) | NewSlug::FromId => Some(SlugNumbers::FIRST),
        }
    }

    /// Returns the number that a post tries after a taken one, this far beyond the free number that was found; `None` if
    /// no number is left.
    async fn next_number(&self, base: &Slug, taken: u32, ahead: u32) -> Result<Option<u32>, StoreError> {
        let free = self.free_number(base, taken).await?;
        // Keeps the end of the numbers too, so that the next post with this title does not search.
        Ok(self.last_numbers.next_from(base, free.map_or(SlugNumbers::MAX + 1, |free| free + ahead)))
    }

    async fn try_create(
        &self,
        new: &Arc<NewPost>,
        slug: Option<&Slug>,
        request: Option<&RequestKey>,
    ) -> Result<Attempt, StoreError> {
        match (self.insert(new, slug, request).await, slug) {
            // If the slug is free, the id is taken.
            (Err(taken @ StoreError::Taken(_)), Some(slug)) => {
                let is_of_another = self.id_of_slug(slug).await?.is_some_and(|id| id != new.id);
                if is_of_another { Ok(Attempt::SlugTaken) } else { Err(taken) }
            }
            (inserted, _) => inserted,
        }
    }

    async fn insert(
        &self,
        new: &Arc<NewPost>,
        slug: Option<&Slug>,
        request: Option<&RequestKey>,
    ) -> Result<Attempt, StoreError> {
        let Some(request) = request.cloned() else {
            // One statement, which needs no round trips to begin and to commit.
            return write!(self.db, insertion!(new, slug)).map(|_| Attempt::Made);
        };
        let (new, slug) = (Arc::clone(new), slug.cloned());
        transaction!(self.db, async move |mut tx| {
            if !requests::keep(&mut tx, &request, new.id, new.create_time).await? {
                return Ok(TransactionOutcome::Undo(Attempt::Repeated));
            }
            within!(tx, insertion!(new, slug.as_ref()))?;
            Ok(TransactionOutcome::Commit(Attempt::Made))
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
}
