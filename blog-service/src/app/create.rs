//! Creation of posts. A caller that lost the answer may repeat the request.

use db::requests::{self, Earlier};
use kit::request_id::{Fingerprint, RequestId, RequestKey};

use super::{BlogState, read};
use crate::domain::{AuthorId, Content, Post, PostId, PostView, Title};
use crate::error::BlogError;
use crate::store::NewPost;

const METHOD: &str = "gatepost.blog.v1.PostService/CreatePost";

/// A post to create, with valid fields.
pub(crate) struct PostDraft {
    pub(crate) title: Title,
    pub(crate) content: Content,
    pub(crate) request_id: Option<RequestId>,
    pub(crate) validate_only: bool,
}

/// The result of a request to create a post.
pub(crate) enum Submitted {
    Post(Post),
    /// The draft is valid; the request was `validate_only`.
    Checked(PostDraft),
}

pub(crate) async fn create(state: &BlogState, owner_id: AuthorId, draft: PostDraft) -> Result<Submitted, BlogError> {
    let request = draft.request_id.map(|id| RequestKey {
        caller: owner_id.to_string(),
        method: METHOD,
        id,
        fingerprint: Fingerprint::from_fields(&[draft.title.as_str(), draft.content.as_str()]),
    });
    let made = earlier(state, request.as_ref()).await?;
    if draft.validate_only {
        return Ok(Submitted::Checked(draft));
    }
    if let Some(id) = made {
        return repeat(state, id).await;
    }
    state.meter(owner_id, 1, draft.title.as_str().len() + draft.content.as_str().len())?;
    let PostDraft { title, content, .. } = draft;
    let id = state.ids.next();
    let new = NewPost { id, owner_id, title, content, create_time: state.clock.now() };
    if let Some(post) = state.store.create_post(new, request.as_ref()).await? {
        return Ok(Submitted::Post(post));
    }
    // The same request ran twice at the same time, and the other run finished first.
    let made = earlier(state, request.as_ref()).await?;
    repeat(state, made.unwrap_or(id)).await
}

/// Returns the id of the post that an earlier run of this request created.
async fn earlier(state: &BlogState, request: Option<&RequestKey>) -> Result<Option<PostId>, BlogError> {
    let Some(key) = request else { return Ok(None) };
    match requests::find(state.store.db(), key, state.clock.now()).await? {
        Some(Earlier::Same(id)) => Ok(Some(id)),
        Some(Earlier::Other) => Err(BlogError::RequestIdReused),
        None => Ok(None),
    }
}

/// Answers a repeated request with the post in its current state.
async fn repeat(state: &BlogState, id: PostId) -> Result<Submitted, BlogError> {
    Ok(Submitted::Post(read::one(state, id, PostView::Full).await?))
}
