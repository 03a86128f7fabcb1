//! Reads of posts: one, several by id, or a page.

use std::collections::HashMap;

use kit::page::{self, BadToken, MAX_PAGE_BYTES, Page, PageBatch, PageRequest, PageRow, fitting};

use super::{BlogState, freshness};
use crate::domain::{Post, PostCaller, PostId, PostName, PostView};
use crate::error::BlogError;
use crate::store::posts_per_read;

/// A post that a batch asks for.
pub(crate) struct WantedPost {
    pub(crate) id: PostId,
    /// Text of the id, as the caller wrote it.
    pub(crate) text: String,
}

/// A page to read.
pub(crate) struct PostPage<'t> {
    /// Largest number of posts.
    pub(crate) size: u32,
    /// Token of the page; empty for the first one.
    pub(crate) token: &'t str,
    pub(crate) view: PostView,
}

/// The posts of a batch that exist and that the caller may see, and the texts of the other ids.
pub(crate) struct FoundPosts<T> {
    pub(crate) posts: Vec<T>,
    pub(crate) missing_ids: Vec<String>,
}

/// Upper bound of a post's bytes in an answer, without its measured texts.
pub(super) const FIELD_BYTES: usize = 512;

/// Reason why a page is not read.
pub(super) enum PageFailure<E> {
    Failed(BlogError),
    NoRoom(E),
}

/// Method that a page token is bound to.
pub(super) const LIST_METHOD: &str = "gatepost.blog.v1.PostService/ListPosts";

/// Scope of the page tokens of all published posts with their contents. Without contents, it is the method alone, as in
/// earlier versions.
const FULL_SCOPE: &str = "gatepost.blog.v1.PostService/ListPosts view=full";

/// Returns the post that the caller names by its id or by one of its slugs.
pub(crate) async fn named(
    state: &BlogState,
    caller: PostCaller,
    name: &PostName,
    view: PostView,
) -> Result<Post, BlogError> {
    let slug = match name {
        PostName::Id(id) => return one(state, caller, *id, view).await,
        PostName::Slug(slug) => slug,
    };
    let found = match state.store.id_of_slug(slug).await? {
        Some(id) => visible(state, caller, id, view).await?,
        None => None,
    };
    // The error never names the id: the caller may not know that there is a post.
    found.ok_or_else(|| BlogError::PostNotFound(slug.as_str().to_owned()))
}

/// Returns the post if the caller may see it.
pub(crate) async fn one(state: &BlogState, caller: PostCaller, id: PostId, view: PostView) -> Result<Post, BlogError> {
    visible(state, caller, id, view).await?.ok_or_else(|| BlogError::PostNotFound(id.to_string()))
}

/// Returns the post, unless the caller may not see it. The check follows each read, also of a cached post.
async fn visible(state: &BlogState, caller: PostCaller, id: PostId, view: PostView) -> Result<Option<Post>, BlogError> {
    let found = state.store.post(id, view).await?;
    match found.filter(|post| caller.may_see(post.owner_id, post.state)) {
        Some(post) => Ok(Some(in_view(state, post, view).await)),
        None => Ok(None),
    }
}

/// Returns the post with a current rendering, if the view has it.
async fn in_view(state: &BlogState, post: Post, view: PostView) -> Post {
    match view {
        PostView::Basic => post,
        PostView::Full => freshness::fresh(state, post).await,
    }
}

/// Returns the posts that exist and that the caller may see, and the other ids as the caller wrote them.
///
/// `row` converts a post to a message and measures the message.
pub(crate) async fn some<T>(
    state: &BlogState,
    caller: PostCaller,
    wanted: Vec<WantedPost>,
    view: PostView,
    row: fn(Post) -> PageRow<T, PostId>,
) -> Result<FoundPosts<T>, BlogError> {
    let (mut posts, mut missing_ids, mut bytes) = (Vec::new(), Vec::new(), 0);
    if view == PostView::Full {
        let ids: Vec<PostId> = wanted.iter().map(|wanted| wanted.id).collect();
        // A post's message is larger than its title and content. An answer that is too large is refused before the read.
        // Hidden posts do not count: the refusal would reveal them.
        let sizes = state.store.sizes_of(&ids).await?;
        let visible = sizes.iter().filter(|size| caller.may_see(size.owner_id, size.state));
        if visible.fold(0, |sum: u64, size| sum.saturating_add(size.octets)) > MAX_PAGE_BYTES as u64 {
            return Err(BlogError::AnswerTooLarge);
        }
    }
    for some in wanted.chunks(posts_per_read(view)) {
        let ids: Vec<PostId> = some.iter().map(|wanted| wanted.id).collect();
        let found = state.store.posts_of(&ids, view).await?.into_iter();
        let visible = found.filter(|post| caller.may_see(post.owner_id, post.state));
        let mut found: HashMap<PostId, Post> = visible.map(|post| (post.id, post)).collect();
        for WantedPost { id, text } in some {
            match found.remove(id) {
                Some(post) => {
                    let row = row(in_view(state, post, view).await);
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

/// Returns the page of all published posts that the request names, the last created first.
///
/// `row` converts a post to a message and measures the message. `reserve` waits for room for posts of this number of
/// bytes, with their contents, before they are read.
pub(crate) async fn page<T, E, F>(
    state: &BlogState,
    wanted: PostPage<'_>,
    row: fn(Post) -> PageRow<T, PostId>,
    reserve: impl Fn(usize) -> F,
) -> Result<Page<T>, E>
where
    E: From<BlogError>,
    F: Future<Output = Result<(), E>>,
{
    let PostPage { size, token, view } = wanted;
    let read = async |after, limit| match view {
        PostView::Basic => {
            let posts = state.store.list_posts(after, limit, view).await.map_err(BlogError::from)?;
            Ok(PageBatch::up_to(limit, posts.into_iter().map(row).collect()))
        }
        PostView::Full => read_full(state, after, limit, row, &reserve).await,
    };
    let scope = match view {
        PostView::Basic => LIST_METHOD,
        PostView::Full => FULL_SCOPE,
    };
    let wanted = PageRequest { scope, size, token };
    page::fill(&state.page_tokens, wanted, state.clock.now(), read).await.map_err(PageFailure::into_error)
}

/// Reads the next posts with their contents, as many as fit into one answer.
async fn read_full<T, E, F>(
    state: &BlogState,
    after: Option<PostId>,
    limit: u32,
    row: fn(Post) -> PageRow<T, PostId>,
    reserve: &impl Fn(usize) -> F,
) -> Result<PageBatch<T, PostId>, PageFailure<E>>
where
    F: Future<Output = Result<(), E>>,
{
    let measured = state.store.list_sizes(after, limit).await.map_err(BlogError::from)?;
    let Some(last) = measured.last() else { return Ok(PageBatch::up_to(limit, Vec::new())) };
    let octets = || measured.iter().map(|size| usize::try_from(size.octets).unwrap_or(MAX_PAGE_BYTES));
    let count = fitting(octets());
    let bytes = octets().take(count).fold(0, |sum: usize, octets| sum.saturating_add(octets + FIELD_BYTES));
    reserve(bytes.min(MAX_PAGE_BYTES)).await.map_err(PageFailure::NoRoom)?;
    let limit = u32::try_from(count).unwrap_or(limit);
    let posts = state.store.list_posts(after, limit, PostView::Full).await.map_err(BlogError::from)?;
    // Newest first. Posts may have been added or deleted since they were measured, so the last measured post may be
    // missing.
    let has_more = posts.last().is_none_or(|post| post.id > last.id);
    let mut rows = Vec::with_capacity(posts.len());
    for post in posts {
        rows.push(row(freshness::fresh(state, post).await));
    }
    Ok(PageBatch { rows, has_more, looked_at: None })
}

impl<E: From<BlogError>> PageFailure<E> {
    /// Returns the error of the call.
    pub(super) fn into_error(self) -> E {
        match self {
            Self::Failed(error) => error.into(),
            Self::NoRoom(error) => error,
        }
    }
}

impl<E> From<BlogError> for PageFailure<E> {
    fn from(error: BlogError) -> Self {
        Self::Failed(error)
    }
}

impl<E> From<BadToken> for PageFailure<E> {
    fn from(token: BadToken) -> Self {
        Self::Failed(token.into())
    }
}
