//! Posts are read: one, some, or a page of them.

use std::collections::HashMap;

use gatepost::api::blog::v1::{
    self, BatchGetPostsRequest, BatchGetPostsResponse, GetPostRequest, ListPostsRequest, ListPostsResponse,
};
use kit::page::{self, MAX_BYTES, Row, Wanted};
use prost::Message as _;
use uuid::Uuid;

use super::State;
use crate::convert;
use crate::domain::{Post, View};
use crate::error::Error;

/// Rows that are read at once where their contents come along: what is read in vain stays small.
const BATCH: u32 = 8;

/// What a page token is bound to.
const LIST: &str = "gatepost.blog.v1.PostService/ListPosts";

pub(super) async fn one(state: &State, request: GetPostRequest) -> Result<v1::Post, Error> {
    let (id, view) = Error::both(convert::post_id(request.post), convert::view(request.view, View::Full))?;
    let post = state.store.post(id, view).await?;
    Ok(convert::post(post.ok_or_else(|| Error::PostNotFound(id.to_string()))?))
}

pub(super) async fn some(state: &State, request: BatchGetPostsRequest) -> Result<BatchGetPostsResponse, Error> {
    let (asked, view) = Error::both(convert::batch(request.ids), convert::view(request.view, View::Basic))?;
    let mut answer = BatchGetPostsResponse::default();
    let mut bytes = 0;
    for some in asked.chunks(BATCH as usize) {
        let ids: Vec<Uuid> = some.iter().map(|(id, _)| *id).collect();
        let found = state.store.posts_of(&ids, view).await?;
        let mut found: HashMap<Uuid, Post> = found.into_iter().map(|post| (post.id, post)).collect();
        for (id, text) in some {
            match found.remove(id).map(convert::post) {
                Some(post) => {
                    bytes += post.encoded_len();
                    answer.posts.push(post);
                }
                None => answer.missing_ids.push(text.clone()),
            }
        }
        if bytes > MAX_BYTES {
            return Err(Error::AnswerTooLarge);
        }
    }
    Ok(answer)
}

pub(super) async fn page(state: &State, request: ListPostsRequest) -> Result<ListPostsResponse, Error> {
    let view = convert::view(request.view, View::Basic);
    let (size, view) = Error::both(convert::page_size(request.page_size), view)?;
    // One more than is wanted says whether there are more.
    let batch = match view {
        View::Basic => size + 1,
        View::Full => BATCH,
    };
    let read = async |after, limit| {
        let posts = state.store.list_posts(after, limit, view).await?;
        let answered = posts.into_iter().map(|post| {
            let (id, item) = (post.id, convert::post(post));
            Row { id, bytes: item.encoded_len(), item }
        });
        Ok::<_, Error>(answered.collect())
    };
    let wanted = Wanted { scope: LIST, size, batch, token: &request.page_token };
    let page = page::fill(&state.page_tokens, wanted, state.clock.now(), read).await?;
    Ok(ListPostsResponse { posts: page.items, next_page_token: page.next_page_token })
}
