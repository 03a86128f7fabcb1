//! A post is written, also by a caller that has lost the answer and asks again.

use db::requests::{self, Earlier};
use kit::request_id::{Fingerprint, RequestKey};
use uuid::Uuid;

use super::{State, read};
use crate::domain::{Content, Post, Title, View};
use crate::error::Error;
use crate::store::NewPost;

const METHOD: &str = "gatepost.blog.v1.PostService/CreatePost";

/// A post to be, whose fields keep their rules.
pub(crate) struct PostDraft {
    pub(crate) title: Title,
    pub(crate) content: Content,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) validate_only: bool,
}

/// The result of a request to create a post.
pub(crate) enum Submitted {
    Post(Post),
    /// The draft would have made a post; it was only to be checked.
    Checked(PostDraft),
}

pub(crate) async fn create(state: &State, owner_id: Uuid, draft: PostDraft) -> Result<Submitted, Error> {
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
    // The same request was under way twice, and the other one came first.
    let made = earlier(state, request.as_ref()).await?;
    repeat(state, made.unwrap_or(id)).await
}

/// Returns the id of the post that this very request has made before.
async fn earlier(state: &State, request: Option<&RequestKey>) -> Result<Option<Uuid>, Error> {
    let Some(key) = request else { return Ok(None) };
    match requests::find(state.store.db(), key, state.clock.now()).await? {
        Some(Earlier::Same(id)) => Ok(Some(id)),
        Some(Earlier::Other) => Err(Error::RequestIdReused),
        None => Ok(None),
    }
}

/// Answers a request that has made its post already, with the post as it stands.
async fn repeat(state: &State, id: Uuid) -> Result<Submitted, Error> {
    Ok(Submitted::Post(read::one(state, id, View::Full).await?))
}
