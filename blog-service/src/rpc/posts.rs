//! `PostService`: posts are written and read.

use std::sync::Arc;

use crate::api::v1::post_service_server::PostService;
use crate::api::v1::{
    BatchGetPostsRequest, BatchGetPostsResponse, CreatePostRequest, CreatePostResponse, DeletePostRequest,
    DeletePostResponse, GetPostRequest, GetPostResponse, ListPostsRequest, ListPostsResponse, PostView,
    UpdatePostRequest, UpdatePostResponse,
};
use kit::page;
use kit::serve::Room;
use tonic::{Request, Response, Status};

use crate::app::{State, create, read, write};
use crate::convert::{self, Writer};

/// The most bytes of a post without its content.
const BASIC_BYTES: usize = 1024;

pub(super) struct PostRpc(pub(super) Arc<State>);

#[tonic::async_trait]
impl PostService for PostRpc {
    async fn create_post(&self, request: Request<CreatePostRequest>) -> Result<Response<CreatePostResponse>, Status> {
        let owner_id = convert::user(&request)?;
        // The answer repeats the content. Nothing is written before it has room.
        Room::of(&request).reserve(request.get_ref().content.len() + BASIC_BYTES).await?;
        let draft = convert::draft(request.into_inner())?;
        Ok(Response::new(CreatePostResponse { post: Some(create::create(&self.0, owner_id, draft).await?) }))
    }

    async fn get_post(&self, request: Request<GetPostRequest>) -> Result<Response<GetPostResponse>, Status> {
        let (room, request) = (Room::of(&request), request.into_inner());
        let post = room.read(|| read::one(&self.0, request.clone())).await?;
        Ok(Response::new(GetPostResponse { post: Some(post) }))
    }

    async fn batch_get_posts(
        &self,
        request: Request<BatchGetPostsRequest>,
    ) -> Result<Response<BatchGetPostsResponse>, Status> {
        let BatchGetPostsRequest { ids, view } = request.get_ref();
        let rows = ids.len().saturating_mul(row_bytes(*view)).min(page::MAX_BYTES);
        Room::of(&request).reserve(rows).await?;
        // Boxed, so that a call that waits for room takes little memory.
        Ok(Response::new(Box::pin(read::some(&self.0, request.into_inner())).await?))
    }

    async fn list_posts(&self, request: Request<ListPostsRequest>) -> Result<Response<ListPostsResponse>, Status> {
        let ListPostsRequest { page_size, view, .. } = request.get_ref();
        Room::of(&request).reserve(page::max_bytes(*page_size, row_bytes(*view))).await?;
        // Boxed, as above.
        Ok(Response::new(Box::pin(read::page(&self.0, request.into_inner())).await?))
    }

    async fn update_post(&self, request: Request<UpdatePostRequest>) -> Result<Response<UpdatePostResponse>, Status> {
        let writer = Writer::of(&request)?;
        let content = request.get_ref().patch.as_ref().and_then(|patch| patch.content.as_ref());
        Room::of(&request).reserve(content.map_or(0, String::len) + BASIC_BYTES).await?;
        let update = convert::post_update(request.into_inner())?;
        Ok(Response::new(UpdatePostResponse { post: Some(write::update(&self.0, &writer, update).await?) }))
    }

    async fn delete_post(&self, request: Request<DeletePostRequest>) -> Result<Response<DeletePostResponse>, Status> {
        let writer = Writer::of(&request)?;
        write::delete(&self.0, &writer, request.into_inner()).await?;
        Ok(Response::new(DeletePostResponse {}))
    }
}

/// Returns the most bytes that a post takes in a list of this view.
fn row_bytes(view: i32) -> usize {
    if view == PostView::Full as i32 { page::MAX_BYTES } else { BASIC_BYTES }
}
