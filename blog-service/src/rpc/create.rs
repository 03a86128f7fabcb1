//! A post is written, also by a caller that has lost the answer and asks again.

use crate::api::v1;
use db::requests::{self, Earlier};
use kit::request_id::RequestKey;
use uuid::Uuid;

use super::State;
use crate::convert::{self, Draft};
use crate::domain::View;
use crate::error::Error;
use crate::store::NewPost;

const METHOD: &str = "gatepost.blog.v1.PostService/CreatePost";

pub(super) async fn create(state: &State, owner_id: Uuid, draft: Draft) -> Result<v1::Post, Error> {
    let request = draft.request_id.map(|id| RequestKey {
        caller: owner_id.to_string(),
        method: METHOD,
        id,
        fingerprint: draft.fingerprint(),
    });
    let made = earlier(state, request.as_ref()).await?;
    if draft.validate_only {
        return Ok(convert::post_to_be(draft, owner_id));
    }
    if let Some(id) = made {
        return repeat(state, id).await;
    }
    state.meter(owner_id, 1, draft.title.as_str().len() + draft.content.as_str().len())?;
    let Draft { title, content, .. } = draft;
    let id = state.ids.next();
    let new = NewPost { id, owner_id, title, content, create_time: state.clock.now() };
    if let Some(post) = state.store.create_post(new, request.as_ref()).await? {
        return Ok(convert::post(post));
    }
    // The same request was under way twice, and the other one came first.
    let made = earlier(state, request.as_ref()).await?;
    repeat(state, made.unwrap_or(id)).await
}

/// The post that this very request has made before.
async fn earlier(state: &State, request: Option<&RequestKey>) -> Result<Option<Uuid>, Error> {
    let Some(key) = request else { return Ok(None) };
    match requests::find(state.store.db(), key, state.clock.now()).await? {
        Some(Earlier::Same(id)) => Ok(Some(id)),
        Some(Earlier::Other) => Err(Error::RequestIdReused),
        None => Ok(None),
    }
}

/// Answers a request that has made its post already, with the post as it stands.
async fn repeat(state: &State, id: Uuid) -> Result<v1::Post, Error> {
    let post = state.store.post(id, View::Full).await?;
    Ok(convert::post(post.ok_or_else(|| Error::PostNotFound(id.to_string()))?))
}
