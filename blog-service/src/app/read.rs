//! Reads of posts: one, several by id, or a page.

use std::collections::HashMap;

use kit::page::{self, MAX_PAGE_BYTES, Page, PageBatch, PageRequest, PageRow, fitting};
use uuid::Uuid;

use super::BlogState;
use crate::domain::{Post, PostView};
use crate::error::BlogError;

/// Number of posts that one statement reads.
const POSTS_PER_READ: usize = 8;

/// Method that a page token is bound to.
const LIST_METHOD: &str = "gatepost.blog.v1.PostService/ListPosts";

pub(crate) async fn one(state: &BlogState, id: Uuid, view: PostView) -> Result<Post, BlogError> {
    state.store.post(id, view).await?.ok_or_else(|| BlogError::PostNotFound(id.to_string()))
}

/// Returns the posts that exist, and the texts of the missing ids.
///
/// `row` converts a post to a message and measures the message.
pub(crate) async fn some<T>(
    state: &BlogState,
    asked: Vec<(Uuid, String)>,
    view: PostView,
    row: fn(Post) -> PageRow<T>,
) -> Result<(Vec<T>, Vec<String>), BlogError> {
    let (mut posts, mut missing, mut bytes) = (Vec::new(), Vec::new(), 0);
    if view == PostView::Full {
        let ids: Vec<Uuid> = asked.iter().map(|(id, _)| *id).collect();
        // A post's message is larger than its title and content. An answer that is too large is refused before the read.
        if state.store.octets_of(&ids).await? > MAX_PAGE_BYTES as u64 {
            return Err(BlogError::AnswerTooLarge);
        }
    }
    for some in asked.chunks(POSTS_PER_READ) {
        let ids: Vec<Uuid> = some.iter().map(|(id, _)| *id).collect();
        let found = state.store.posts_of(&ids, view).await?;
        let mut found: HashMap<Uuid, Post> = found.into_iter().map(|post| (post.id, post)).collect();
        for (id, text) in some {
            match found.remove(id).map(row) {
                Some(row) => {
                    bytes += row.bytes;
                    posts.push(row.item);
                }
                None => missing.push(text.clone()),
            }
        }
        if bytes > MAX_PAGE_BYTES {
            return Err(BlogError::AnswerTooLarge);
        }
    }
    Ok((posts, missing))
}

/// Returns the page that the token names, with at most `size` posts.
///
/// `row` converts a post to a message and measures the message.
pub(crate) async fn page<T>(
    state: &BlogState,
    size: u32,
    token: &str,
    view: PostView,
    row: fn(Post) -> PageRow<T>,
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
    after: Option<Uuid>,
    limit: u32,
    row: fn(Post) -> PageRow<T>,
) -> Result<PageBatch<T>, BlogError> {
    let measured = state.store.list_octets(after, limit).await?;
    let Some((last, _)) = measured.last() else { return Ok(PageBatch { rows: Vec::new(), has_more: false }) };
    let count = fitting(measured.iter().map(|(_, octets)| usize::try_from(*octets).unwrap_or(MAX_PAGE_BYTES)));
    let posts = state.store.list_posts(after, u32::try_from(count).unwrap_or(limit), PostView::Full).await?;
    // Newest first. The last measured post may also be missing because posts were added or deleted since.
    let has_more = posts.last().is_none_or(|post| post.id > *last);
    Ok(PageBatch { rows: posts.into_iter().map(row).collect(), has_more })
}
