//! Changes and deletions of posts: checks existence, then ownership, then the etag.

use super::{BlogState, freshness, read};
use crate::domain::{Content, Post, PostCaller, PostChange, PostId, PostView};
use crate::error::BlogError;

/// A change of a post, with valid fields.
pub(crate) struct PostUpdate {
    pub(crate) id: PostId,
    /// Change without its content.
    pub(crate) change: PostChange,
    /// New content; `None` leaves it.
    pub(crate) content: Option<Content>,
    pub(crate) expected: Option<i32>,
    pub(crate) validate_only: bool,
}

/// Changes a post, or returns the post as it would become.
///
/// `reserve` waits for room for an answer with texts of this number of bytes. It runs after the rendering of a new content,
/// and before the write.
pub(crate) async fn update<E, F>(
    state: &BlogState,
    caller: PostCaller,
    update: PostUpdate,
    reserve: impl FnOnce(usize) -> F,
) -> Result<Post, E>
where
    E: From<BlogError>,
    F: Future<Output = Result<(), E>>,
{
    let PostUpdate { id, mut change, content, expected, validate_only } = update;
    let view = if validate_only { PostView::Full } else { PostView::Basic };
    let post = own(state, caller, id, view).await?;
    if let Some(user) = caller.user {
        // A new slug stays reserved, as the slug of a new post does.
        let bytes = change.bytes() + content.as_ref().map_or(0, |content| content.as_str().len());
        state.meter(user, u64::from(change.slug.is_some()), bytes)?;
    }
    if let Some(content) = content {
        let body = state.renderer.render(content).await.map_err(|_| BlogError::HtmlTooLarge("patch.content"))?;
        if let Some(user) = caller.user {
            state.charge_html(user, &body.rendering);
        }
        reserve(body.text_bytes()).await?;
        change.body = Some(body);
    }
    if validate_only {
        return Ok(validate(state, post, change, expected).await?);
    }
    Ok(write(state, id, change, expected).await?)
}

/// Writes a change.
async fn write(state: &BlogState, id: PostId, change: PostChange, expected: Option<i32>) -> Result<Post, BlogError> {
    // The owner of a post never changes, so the check still holds at the write.
    let updated = state.store.update_post(id, change, expected, state.clock.now()).await?;
    let post = updated.map_err(|why| BlogError::unchanged(why, id))?;
    Ok(freshness::fresh(state, post).await)
}

/// Returns the post as it would become.
async fn validate(state: &BlogState, post: Post, change: PostChange, expected: Option<i32>) -> Result<Post, BlogError> {
    if expected.is_some_and(|expected| expected != post.revision) {
        return Err(BlogError::Stale);
    }
    if let Some(slug) = &change.slug
        && state.store.id_of_slug(slug).await?.is_some_and(|id| id != post.id)
    {
        return Err(BlogError::SlugTaken);
    }
    Ok(change.apply(post))
}

pub(crate) async fn delete(
    state: &BlogState,
    caller: PostCaller,
    id: PostId,
    expected: Option<i32>,
) -> Result<(), BlogError> {
    own(state, caller, id, PostView::Basic).await?;
    let deleted = state.store.delete_post(id, expected).await?;
    deleted.map_err(|why| BlogError::unchanged(why, id))
}

/// Returns the post if the caller may change it.
pub(super) async fn own(state: &BlogState, caller: PostCaller, id: PostId, view: PostView) -> Result<Post, BlogError> {
    let post = read::one(state, caller, id, view).await?;
    if caller.may_change(&post) { Ok(post) } else { Err(BlogError::NotPostOwner) }
}
