//! `PostService`: posts are written and read.

use std::sync::Arc;

use gatepost::api::blog::v1::post_service_server::PostService;
use gatepost::api::blog::v1::{
    BatchGetPostsRequest, BatchGetPostsResponse, CreatePostRequest, CreatePostResponse, DeletePostRequest,
    DeletePostResponse, GetPostRequest, GetPostResponse, ListPostsRequest, ListPostsResponse, UpdatePostRequest,
    UpdatePostResponse,
};
use tonic::{Request, Response, Status};

use super::{State, create, read, write};
use crate::convert::{self, Writer};

pub(super) struct PostRpc(pub(super) Arc<State>);

#[tonic::async_trait]
impl PostService for PostRpc {
    async fn create_post(&self, request: Request<CreatePostRequest>) -> Result<Response<CreatePostResponse>, Status> {
        let owner_id = convert::user(&request)?;
        let draft = convert::draft(request.into_inner())?;
        Ok(Response::new(CreatePostResponse { post: Some(create::create(&self.0, owner_id, draft).await?) }))
    }

    async fn get_post(&self, request: Request<GetPostRequest>) -> Result<Response<GetPostResponse>, Status> {
        Ok(Response::new(GetPostResponse { post: Some(read::one(&self.0, request.into_inner()).await?) }))
    }

    async fn batch_get_posts(
        &self,
        request: Request<BatchGetPostsRequest>,
    ) -> Result<Response<BatchGetPostsResponse>, Status> {
        Ok(Response::new(read::some(&self.0, request.into_inner()).await?))
    }

    async fn list_posts(&self, request: Request<ListPostsRequest>) -> Result<Response<ListPostsResponse>, Status> {
        Ok(Response::new(read::page(&self.0, request.into_inner()).await?))
    }

    async fn update_post(&self, request: Request<UpdatePostRequest>) -> Result<Response<UpdatePostResponse>, Status> {
        let writer = Writer::of(&request)?;
        let update = convert::post_update(request.into_inner())?;
        Ok(Response::new(UpdatePostResponse { post: Some(write::update(&self.0, &writer, update).await?) }))
    }

    async fn delete_post(&self, request: Request<DeletePostRequest>) -> Result<Response<DeletePostResponse>, Status> {
        let writer = Writer::of(&request)?;
        write::delete(&self.0, &writer, request.into_inner()).await?;
        Ok(Response::new(DeletePostResponse {}))
    }
}
