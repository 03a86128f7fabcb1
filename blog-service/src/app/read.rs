//! Posts are read: one, some, or a page of them.

use std::collections::HashMap;

use kit::page::{self, MAX_PAGE_BYTES, Page, PageBatch, PageRequest, PageRow, fitting};
use uuid::Uuid;

use super::State;
use crate::domain::{Post, View};
use crate::error::Error;

/// Posts that are read at once.
const CHUNK: usize = 8;

/// The method that a page token is bound to.
const LIST: &str = "gatepost.blog.v1.PostService/ListPosts";

pub(crate) async fn one(state: &State, id: Uuid, view: View) -> Result<Post, Error> {
    state.store.post(id, view).await?.ok_or_else(|| Error::PostNotFound(id.to_string()))
}

/// Returns those of these posts that exist, and the texts of the other ids.
///
/// `row` makes of a post what is answered, and measures it.
pub(crate) async fn some<T>(
    state: &State,
    asked: Vec<(Uuid, String)>,
    view: View,
    row: fn(Post) -> PageRow<T>,
) -> Result<(Vec<T>, Vec<String>), Error> {
    let (mut posts, mut missing, mut bytes) = (Vec::new(), Vec::new(), 0);
    if view == View::Full {
        let ids: Vec<Uuid> = asked.iter().map(|(id, _)| *id).collect();
        // A post's message is larger than its title and content. Nothing is read for an answer that is refused.
        if state.store.octets_of(&ids).await? > MAX_PAGE_BYTES as u64 {
            return Err(Error::AnswerTooLarge);
        }
    }
    for some in asked.chunks(CHUNK) {
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
            return Err(Error::AnswerTooLarge);
        }
    }
    Ok((posts, missing))
}

/// Returns the page of at most `size` posts that the token asks for.
///
/// `row` makes of a post what is answered, and measures it.
pub(crate) async fn page<T>(
    state: &State,
    size: u32,
    token: &str,
    view: View,
    row: fn(Post) -> PageRow<T>,
) -> Result<Page<T>, Error> {
    let read = async |after, limit| match view {
        View::Basic => {
            let posts = state.store.list_posts(after, limit, view).await?;
            Ok(PageBatch::up_to(limit, posts.into_iter().map(row).collect()))
        }
        View::Full => read_full(state, after, limit, row).await,
    };
    page::fill(&state.page_tokens, PageRequest { scope: LIST, size, token }, state.clock.now(), read).await
}

/// Reads the next posts with their contents: only those that fit into one answer.
async fn read_full<T>(
    state: &State,
    after: Option<Uuid>,
    limit: u32,
    row: fn(Post) -> PageRow<T>,
) -> Result<PageBatch<T>, Error> {
    let measured = state.store.list_octets(after, limit).await?;
    let Some((last, _)) = measured.last() else { return Ok(PageBatch { rows: Vec::new(), has_more: false }) };
    let count = fitting(measured.iter().map(|(_, octets)| usize::try_from(*octets).unwrap_or(MAX_PAGE_BYTES)));
    let posts = state.store.list_posts(after, u32::try_from(count).unwrap_or(limit), View::Full).await?;
    // Newest first. The last that was measured may also be out of reach since posts have come or gone meanwhile.
    let has_more = posts.last().is_none_or(|post| post.id > *last);
    Ok(PageBatch { rows: posts.into_iter().map(row).collect(), has_more })
}
