//! Adapter of `PostService`: writes and reads of posts.

use std::sync::Arc;

use crate::api::v1::post_service_server::PostService;
use crate::api::v1::{
    self, BatchGetPostsRequest, BatchGetPostsResponse, CreatePostRequest, CreatePostResponse, DeletePostRequest,
    DeletePostResponse, GetPostRequest, GetPostResponse, ListPostsRequest, ListPostsResponse, ListTagsRequest,
    ListTagsResponse, PublishPostRequest, PublishPostResponse, UnpublishPostRequest, UnpublishPostResponse,
    UpdatePostRequest, UpdatePostResponse,
};
use kit::failure::both;
use kit::serve::Room;
use kit::{etag, page};
use tonic::{Request, Response, Status};

use crate::app::create::{self, Submitted};
use crate::app::read::PostPage;
use crate::app::tags::{self, TagPage};
use crate::app::{BlogState, list, publish, read, write};
use crate::convert;
use crate::domain::PostView;
use crate::error::BlogError;

/// Upper bound of a post without its content and HTML, in bytes: title, slug, excerpt, tags, cover and the small fields.
const BASIC_BYTES: usize = 9 * 1024;

/// Bytes of the posts that a list with a filter or an order compares and sorts, in most cases.
const COMPARED_BYTES: usize = 1024 * 1024;

/// Upper bound of a tag with its count in an answer, in bytes.
const TAG_BYTES: usize = 512;

/// Bytes of HTML for each byte of content, in most posts. The HTML of a content is larger only with much markup.
const HTML_FACTOR: usize = 2;

/// Room for an answer that repeats the content of a request, with its HTML.
struct AnswerRoom {
    room: Room,
    reserved: usize,
}

impl AnswerRoom {
    /// Reserves the room that most contents of this number of bytes need.
    async fn reserve<T>(request: &Request<T>, content: usize) -> Result<Self, Status> {
        let (room, reserved) = (Room::from_request(request), content * (1 + HTML_FACTOR) + BASIC_BYTES);
        room.reserve(reserved).await?;
        Ok(Self { room, reserved })
    }

    /// Waits for more room if the content and its HTML, of this number of bytes, need more. Without the wait, an answer
    /// could be refused after its write.
    async fn grow(self, texts: usize) -> Result<(), Status> {
        let needed = texts + BASIC_BYTES;
        if needed > self.reserved { self.room.reserve(needed).await } else { Ok(()) }
    }
}

pub(super) struct PostRpc(pub(super) Arc<BlogState>);

#[tonic::async_trait]
impl PostService for PostRpc {
    async fn create_post(&self, request: Request<CreatePostRequest>) -> Result<Response<CreatePostResponse>, Status> {
        let owner_id = convert::user(&request)?;
        let room = AnswerRoom::reserve(&request, request.get_ref().content.len()).await?;
        let draft = convert::draft(request.into_inner())?;
        let post = match create::create(&self.0, owner_id, draft, |bytes| room.grow(bytes)).await? {
            Submitted::Post(post) => convert::post(*post),
            Submitted::Checked(checked) => convert::checked_post(*checked, owner_id),
        };
        Ok(Response::new(CreatePostResponse { post: Some(post) }))
    }

    async fn get_post(&self, request: Request<GetPostRequest>) -> Result<Response<GetPostResponse>, Status> {
        let (room, caller) = (Room::from_request(&request), convert::caller(&request));
        let GetPostRequest { post, view } = request.into_inner();
        let (name, view) = both(convert::post_name(post), convert::view(view, PostView::Full))?;
        let read = async || Ok::<_, BlogError>(convert::post(read::named(&self.0, caller, &name, view).await?));
        let post = room.read(read).await?;
        Ok(Response::new(GetPostResponse { post: Some(post) }))
    }

    async fn batch_get_posts(
        &self,
        request: Request<BatchGetPostsRequest>,
    ) -> Result<Response<BatchGetPostsResponse>, Status> {
        let (room, caller) = (Room::from_request(&request), convert::caller(&request));
        let BatchGetPostsRequest { ids, view } = request.into_inner();
        room.reserve(ids.len().saturating_mul(row_bytes(view)).min(page::MAX_PAGE_BYTES)).await?;
        let (wanted, view) = both(convert::batch(ids), convert::view(view, PostView::Basic))?;
        // Boxed, so that a call that waits for memory uses little memory itself.
        let found = Box::pin(read::some(&self.0, caller, wanted, view, convert::row)).await?;
        Ok(Response::new(BatchGetPostsResponse { posts: found.posts, missing_ids: found.missing_ids }))
    }

    async fn list_posts(&self, request: Request<ListPostsRequest>) -> Result<Response<ListPostsResponse>, Status> {
        let (room, caller) = (Room::from_request(&request), convert::caller(&request));
        let ListPostsRequest { page_size, page_token, view, filter, order_by } = request.into_inner();
        // A page with contents reserves room once its posts are measured.
        let is_full = view == v1::PostView::Full as i32;
        let compared = if filter.is_none() && order_by.is_empty() { 0 } else { COMPARED_BYTES };
        room.reserve(compared + if is_full { 0 } else { page::max_bytes(page_size, BASIC_BYTES) }).await?;
        let page = both(convert::page_size(page_size), convert::view(view, PostView::Basic));
        let ((size, view), selection) = both(page, convert::list::selection(caller, filter, &order_by))?;
        let (wanted, reserve) = (PostPage { size, token: &page_token, view }, |bytes| room.reserve(compared + bytes));
        // Boxed, as above.
        let page = Box::pin(list::page(&self.0, caller, &selection, wanted, convert::row, reserve)).await?;
        Ok(Response::new(ListPostsResponse { posts: page.items, next_page_token: page.next_page_token }))
    }

    async fn list_tags(&self, request: Request<ListTagsRequest>) -> Result<Response<ListTagsResponse>, Status> {
        let room = Room::from_request(&request);
        let ListTagsRequest { page_size, page_token } = request.into_inner();
        room.reserve(page::max_bytes(page_size, TAG_BYTES)).await?;
        let wanted = TagPage { size: convert::page_size(page_size)?, token: &page_token };
        let page = Box::pin(tags::page(&self.0, wanted, convert::tag_row)).await?;
        Ok(Response::new(ListTagsResponse { tags: page.items, next_page_token: page.next_page_token }))
    }

    async fn update_post(&self, request: Request<UpdatePostRequest>) -> Result<Response<UpdatePostResponse>, Status> {
        let caller = convert::known_caller(&request)?;
        let content = request.get_ref().patch.as_ref().and_then(|patch| patch.content.as_ref());
        let room = AnswerRoom::reserve(&request, content.map_or(0, String::len)).await?;
        let update = convert::post_update(request.into_inner())?;
        let post = write::update(&self.0, caller, update, |bytes| room.grow(bytes)).await?;
        Ok(Response::new(UpdatePostResponse { post: Some(convert::post(post)) }))
    }

    async fn delete_post(&self, request: Request<DeletePostRequest>) -> Result<Response<DeletePostResponse>, Status> {
        let caller = convert::known_caller(&request)?;
        let DeletePostRequest { id, etag } = request.into_inner();
        write::delete(&self.0, caller, convert::id(&id)?, etag::expected(&etag)).await?;
        Ok(Response::new(DeletePostResponse {}))
    }

    async fn publish_post(
        &self,
        request: Request<PublishPostRequest>,
    ) -> Result<Response<PublishPostResponse>, Status> {
        let caller = convert::known_caller(&request)?;
        let order = convert::publish_order(request.get_ref())?;
        let post = publish::publish(&self.0, caller, order).await?;
        Ok(Response::new(PublishPostResponse { post: Some(convert::post(post)) }))
    }

    async fn unpublish_post(
        &self,
        request: Request<UnpublishPostRequest>,
    ) -> Result<Response<UnpublishPostResponse>, Status> {
        let caller = convert::known_caller(&request)?;
        let UnpublishPostRequest { id, etag } = request.into_inner();
        let post = publish::unpublish(&self.0, caller, convert::id(&id)?, etag::expected(&etag)).await?;
        Ok(Response::new(UnpublishPostResponse { post: Some(convert::post(post)) }))
    }
}

/// Returns an upper bound of a post's bytes in a list of this view.
fn row_bytes(view: i32) -> usize {
    if view == v1::PostView::Full as i32 { page::MAX_PAGE_BYTES } else { BASIC_BYTES }
}
