//! Reads of posts: one, several by id, or a page.

use std::collections::HashMap;

use kit::page::{self, MAX_PAGE_BYTES, Page, PageBatch, PageRequest, PageRow, fitting};

use super::BlogState;
use crate::domain::{Post, PostId, PostView};
use crate::error::BlogError;
use crate::store::posts_per_read;

/// A post that a batch asks for.
pub(crate) struct WantedPost {
    pub(crate) id: PostId,
    /// Text of the id, as the caller wrote it.
    pub(crate) text: String,
}

/// The posts of a batch that exist, and the texts of the missing ids.
pub(crate) struct FoundPosts<T> {
    pub(crate) posts: Vec<T>,
    pub(crate) missing_ids: Vec<String>,
}

/// Method that a page token is bound to.
const LIST_METHOD: &str = "gatepost.blog.v1.PostService/ListPosts";

pub(crate) async fn one(state: &BlogState, id: PostId, view: PostView) -> Result<Post, BlogError> {
    state.store.post(id, view).await?.ok_or_else(|| BlogError::PostNotFound(id.to_string()))
}

/// Returns the posts that exist, and the ids of the missing posts as the caller wrote them.
///
/// `row` converts a post to a message and measures the message.
pub(crate) async fn some<T>(
    state: &BlogState,
    wanted: Vec<WantedPost>,
    view: PostView,
    row: fn(Post) -> PageRow<T, PostId>,
) -> Result<FoundPosts<T>, BlogError> {
    let (mut posts, mut missing_ids, mut bytes) = (Vec::new(), Vec::new(), 0);
    if view == PostView::Full {
        let ids: Vec<PostId> = wanted.iter().map(|wanted| wanted.id).collect();
        // A post's message is larger than its title and content. An answer that is too large is refused before the read.
        if state.store.octets_of(&ids).await? > MAX_PAGE_BYTES as u64 {
            return Err(BlogError::AnswerTooLarge);
        }
    }
    for some in wanted.chunks(posts_per_read(view)) {
        let ids: Vec<PostId> = some.iter().map(|wanted| wanted.id).collect();
        let found = state.store.posts_of(&ids, view).await?;
        let mut found: HashMap<PostId, Post> = found.into_iter().map(|post| (post.id, post)).collect();
        for WantedPost { id, text } in some {
            match found.remove(id).map(row) {
                Some(row) => {
                    bytes += row.bytes;
                    posts.push(row.item);
                }
                None => missing_ids.push(text.clone()),
            }
        }
        if bytes > MAX_PAGE_BYTES {
            return Err(BlogError::AnswerTooLarge);
        }
    }
    Ok(FoundPosts { posts, missing_ids })
}

/// Returns the page that the token names, with at most `size` posts.
///
/// `row` converts a post to a message and measures the message.
pub(crate) async fn page<T>(
    state: &BlogState,
    size: u32,
    token: &str,
    view: PostView,
    row: fn(Post) -> PageRow<T, PostId>,
) -> Result<Page<T>, BlogError> {
    let read = async |after, limit| match view {
        PostView::Basic => {
            let posts = state.store.list_posts(after, limit, view).await?;
            Ok(PageBatch::up_to(limit, posts.into_iter().map(row).collect()))
        }
        PostView::Full => read_full(state, after, limit, row).await,
    };
    page::fill(&state.page_tokens, PageRequest { scope: LIST_METHOD, size, token }, state.clock.now(), read).await
}

/// Reads the next posts with their contents, as many as fit into one answer.
async fn read_full<T>(
    state: &BlogState,
    after: Option<PostId>,
    limit: u32,
    row: fn(Post) -> PageRow<T, PostId>,
) -> Result<PageBatch<T, PostId>, BlogError> {
    let measured = state.store.list_octets(after, limit).await?;
    let Some(last) = measured.last() else { return Ok(PageBatch { rows: Vec::new(), has_more: false }) };
    let count = fitting(measured.iter().map(|size| usize::try_from(size.octets).unwrap_or(MAX_PAGE_BYTES)));
    let posts = state.store.list_posts(after, u32::try_from(count).unwrap_or(limit), PostView::Full).await?;
    // Newest first. Posts may have been added or deleted since they were measured, so the last measured post may be
    // missing.
    let has_more = posts.last().is_none_or(|post| post.id > last.id);
    Ok(PageBatch { rows: posts.into_iter().map(row).collect(), has_more })
}
