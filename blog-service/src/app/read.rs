//! Posts are read: one, some, or a page of them.

use std::collections::HashMap;

use crate::api::v1::{
    self, BatchGetPostsRequest, BatchGetPostsResponse, GetPostRequest, ListPostsRequest, ListPostsResponse,
};
use kit::failure::both;
use kit::page::{self, Batch, MAX_BYTES, Row, Wanted, fitting};
use prost::Message as _;
use uuid::Uuid;

use super::State;
use crate::convert;
use crate::domain::{Post, View};
use crate::error::Error;

/// Posts that are read at once.
const CHUNK: usize = 8;

/// What a page token is bound to.
const LIST: &str = "gatepost.blog.v1.PostService/ListPosts";

pub(crate) async fn one(state: &State, request: GetPostRequest) -> Result<v1::Post, Error> {
    let (id, view) = both(convert::post_id(request.post), convert::view(request.view, View::Full))?;
    let post = state.store.post(id, view).await?;
    Ok(convert::post(post.ok_or_else(|| Error::PostNotFound(id.to_string()))?))
}

pub(crate) async fn some(state: &State, request: BatchGetPostsRequest) -> Result<BatchGetPostsResponse, Error> {
    let (asked, view) = both(convert::batch(request.ids), convert::view(request.view, View::Basic))?;
    let mut answer = BatchGetPostsResponse::default();
    let mut bytes = 0;
    if view == View::Full {
        let ids: Vec<Uuid> = asked.iter().map(|(id, _)| *id).collect();
        // A post's message is larger than its title and content. Nothing is read for an answer that is refused.
        if state.store.octets_of(&ids).await? > MAX_BYTES as u64 {
            return Err(Error::AnswerTooLarge);
        }
    }
    for some in asked.chunks(CHUNK) {
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

pub(crate) async fn page(state: &State, request: ListPostsRequest) -> Result<ListPostsResponse, Error> {
    let view = convert::view(request.view, View::Basic);
    let (size, view) = both(convert::page_size(request.page_size), view)?;
    let read = async |after, limit| match view {
        View::Basic => {
            let posts = state.store.list_posts(after, limit, view).await?;
            Ok(Batch::up_to(limit, posts.into_iter().map(row).collect()))
        }
        View::Full => read_full(state, after, limit).await,
    };
    let wanted = Wanted { scope: LIST, size, token: &request.page_token };
    let page = page::fill(&state.page_tokens, wanted, state.clock.now(), read).await?;
    Ok(ListPostsResponse { posts: page.items, next_page_token: page.next_page_token })
}

/// Reads the next posts with their contents: only those that fit into one answer.
async fn read_full(state: &State, after: Option<Uuid>, limit: u32) -> Result<Batch<v1::Post>, Error> {
    let measured = state.store.list_octets(after, limit).await?;
    let Some((last, _)) = measured.last() else { return Ok(Batch { rows: Vec::new(), has_more: false }) };
    let count = fitting(measured.iter().map(|(_, octets)| usize::try_from(*octets).unwrap_or(MAX_BYTES)));
    let posts = state.store.list_posts(after, u32::try_from(count).unwrap_or(limit), View::Full).await?;
    // Newest first. The last that was measured may also be out of reach since posts have come or gone meanwhile.
    let has_more = posts.last().is_none_or(|post| post.id > *last);
    Ok(Batch { rows: posts.into_iter().map(row).collect(), has_more })
}

fn row(post: Post) -> Row<v1::Post> {
    let (id, item) = (post.id, convert::post(post));
    Row { id, bytes: item.encoded_len(), item }
}
