//! Publication of posts: checks existence, then ownership, then the etag, then the state.

use chrono::{DateTime, Utc};

use super::{BlogState, write};
use crate::domain::{Post, PostCaller, PostId, PostView, Publication};
use crate::error::BlogError;

/// A post to publish.
pub(crate) struct PublishOrder {
    pub(crate) id: PostId,
    /// Wanted time; `None` means the present.
    pub(crate) publish_time: Option<DateTime<Utc>>,
    pub(crate) expected: Option<i32>,
}

/// Publishes the post now, or schedules it. Returns the post without its content.
pub(crate) async fn publish(state: &BlogState, caller: PostCaller, order: PublishOrder) -> Result<Post, BlogError> {
    let PublishOrder { id, publish_time, expected } = order;
    write::own(state, caller, id, PostView::Basic).await?;
    let now = state.clock.now();
    let publication = Publication::from_time(publish_time, now);
    let published = state.store.publish_post(id, publication, expected, now).await?;
    published.map_err(|why| BlogError::unchanged(why, id))
}

/// Makes the post a draft. Returns the post without its content.
pub(crate) async fn unpublish(
    state: &BlogState,
    caller: PostCaller,
    id: PostId,
    expected: Option<i32>,
) -> Result<Post, BlogError> {
    write::own(state, caller, id, PostView::Basic).await?;
    let unpublished = state.store.unpublish_post(id, expected, state.clock.now()).await?;
    unpublished.map_err(|why| BlogError::unchanged(why, id))
}
