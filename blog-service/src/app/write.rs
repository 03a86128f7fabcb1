//! A post is changed or deleted: existence, then ownership, then the etag.

use crate::api::v1::{self, DeletePostRequest};
use kit::etag;

use super::State;
use crate::convert::{self, PostUpdate, Writer};
use crate::domain::View;
use crate::error::Error;

pub(crate) async fn update(state: &State, writer: &Writer, update: PostUpdate) -> Result<v1::Post, Error> {
    let PostUpdate { id, change, expected, validate_only } = update;
    let view = if validate_only { View::Full } else { View::Basic };
    let post = state.store.post(id, view).await?.ok_or_else(|| Error::PostNotFound(id.to_string()))?;
    writer.must_own(&post)?;
    if validate_only {
        let is_stale = expected.is_some_and(|expected| expected != post.revision);
        return if is_stale { Err(Error::Stale) } else { Ok(convert::post(change.apply(post))) };
    }
    if let Some(user) = writer.user() {
        state.meter(user, 0, change.bytes())?;
    }
    // The owner of a post never changes, so what was checked still holds when the change is written.
    let updated = state.store.update_post(id, change, expected, state.clock.now()).await?;
    Ok(convert::post(updated.map_err(|why| Error::unchanged(why, id))?))
}

pub(crate) async fn delete(state: &State, writer: &Writer, request: DeletePostRequest) -> Result<(), Error> {
    let id = convert::id(&request.id)?;
    let post = state.store.post(id, View::Basic).await?.ok_or_else(|| Error::PostNotFound(id.to_string()))?;
    writer.must_own(&post)?;
    let deleted = state.store.delete_post(id, etag::expected(&request.etag)).await?;
    deleted.map_err(|why| Error::unchanged(why, id))
}
