//! `PostService`: posts are written and read.

use std::sync::Arc;

use gatepost::api::blog::v1::post_service_server::PostService;
use gatepost::api::blog::v1::{
    self, CreatePostRequest, CreatePostResponse, GetPostRequest, GetPostResponse, ListPostsRequest, ListPostsResponse,
};
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::State;
use crate::convert;
use crate::domain::View;
use crate::error::Error;
use crate::store::NewPost;

/// A page ends at so many bytes, whatever its size (a client takes 4 MiB by default).
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// Rows that are read at once: with the largest content, what is read beyond a page's end stays small.
const BATCH: u32 = 8;

/// What a page token is bound to.
const SCOPE: &str = "gatepost.blog.v1.PostService/ListPosts";

pub(super) struct PostRpc(pub(super) Arc<State>);

#[tonic::async_trait]
impl PostService for PostRpc {
    async fn create_post(&self, request: Request<CreatePostRequest>) -> Result<Response<CreatePostResponse>, Status> {
        let owner_id = convert::user(&request)?;
        let (title, content) = convert::texts(request.into_inner())?;
        let new = NewPost { id: self.0.ids.next(), owner_id, title, content, create_time: self.0.clock.now() };
        let post = self.0.store.create_post(&new).await.map_err(Error::from)?;
        Ok(Response::new(CreatePostResponse { post: Some(convert::post(post)) }))
    }

    async fn get_post(&self, request: Request<GetPostRequest>) -> Result<Response<GetPostResponse>, Status> {
        let request = request.into_inner();
        let view = convert::view(request.view, View::Full)?;
        let id = convert::post_id(request.post)?;
        let post = self.0.store.post(id, view).await.map_err(Error::from)?;
        let post = post.ok_or_else(|| Error::PostNotFound(id.to_string()))?;
        Ok(Response::new(GetPostResponse { post: Some(convert::post(post)) }))
    }

    async fn list_posts(&self, request: Request<ListPostsRequest>) -> Result<Response<ListPostsResponse>, Status> {
        Ok(Response::new(list(&self.0, request.into_inner()).await?))
    }
}

async fn list(state: &State, request: ListPostsRequest) -> Result<ListPostsResponse, Error> {
    let now = state.clock.now();
    let view = convert::view(request.view, View::Basic)?;
    let wanted = convert::page_size(request.page_size)?;
    let mut after = match request.page_token.as_str() {
        "" => None,
        token => Some(state.page_tokens.open(SCOPE, token, now).ok_or(Error::PageTokenInvalid)?),
    };
    let batch = match view {
        View::Basic => wanted + 1,
        View::Full => BATCH,
    };
    let mut page: Vec<v1::Post> = Vec::new();
    let mut bytes = 0;
    loop {
        let rows = state.store.posts(after, batch, view).await?;
        let last_batch = rows.len() < batch as usize;
        for row in rows {
            let id = row.id;
            let post = convert::post(row);
            bytes += post.encoded_len() + 8;
            let full = page.len() == wanted as usize || (bytes > MAX_PAGE_BYTES && !page.is_empty());
            if let (true, Some(last)) = (full, after) {
                let next_page_token = state.page_tokens.seal(SCOPE, last, now);
                return Ok(ListPostsResponse { posts: page, next_page_token });
            }
            page.push(post);
            after = Some(id);
        }
        if last_batch {
            return Ok(ListPostsResponse { posts: page, next_page_token: String::new() });
        }
    }
}
