//! Changes and deletions of posts: checks existence, then ownership, then the etag.

use super::{BlogState, read};
use crate::domain::{Post, PostChange, PostId, PostView, PostWriter};
use crate::error::BlogError;

/// A change of a post, with valid fields.
pub(crate) struct PostUpdate {
    pub(crate) id: PostId,
    pub(crate) change: PostChange,
    pub(crate) expected: Option<i32>,
    pub(crate) validate_only: bool,
}

pub(crate) async fn update(state: &BlogState, writer: PostWriter, update: PostUpdate) -> Result<Post, BlogError> {
    let PostUpdate { id, change, expected, validate_only } = update;
    let view = if validate_only { PostView::Full } else { PostView::Basic };
    let post = own(state, writer, id, view).await?;
    if validate_only {
        let is_stale = expected.is_some_and(|expected| expected != post.revision);
        return if is_stale { Err(BlogError::Stale) } else { Ok(change.apply(post)) };
    }
    if let Some(user) = writer.user {
        state.meter(user, 0, change.bytes())?;
    }
    // The owner of a post never changes, so the check still holds at the write.
    let updated = state.store.update_post(id, change, expected, state.clock.now()).await?;
    updated.map_err(|why| BlogError::unchanged(why, id))
}

pub(crate) async fn delete(
    state: &BlogState,
    writer: PostWriter,
    id: PostId,
    expected: Option<i32>,
) -> Result<(), BlogError> {
    own(state, writer, id, PostView::Basic).await?;
    let deleted = state.store.delete_post(id, expected).await?;
    deleted.map_err(|why| BlogError::unchanged(why, id))
}

/// Returns the post if the writer may change it.
async fn own(state: &BlogState, writer: PostWriter, id: PostId, view: PostView) -> Result<Post, BlogError> {
    let post = read::one(state, id, view).await?;
    if writer.may_change(&post) { Ok(post) } else { Err(BlogError::NotPostOwner) }
}
