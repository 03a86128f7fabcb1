//! Pages of posts by filter and order.

use std::collections::HashMap;

use chrono::DateTime;
use kit::page::{self, MAX_PAGE_BYTES, Page, PageBatch, PageKey, PageRequest, PageRow, fitting};

use super::merge::{FoundFacts, MergedList};
use super::read::{FIELD_BYTES, LIST_METHOD, PageFailure, PostPage};
use super::{BlogState, freshness, read};
use crate::domain::{OrderValue, Post, PostCaller, PostFacts, PostFilter, PostId, PostOrder, PostPosition, PostView};
use crate::error::BlogError;
use crate::store::posts_per_read;

pub(crate) use super::merge::PostSelection;

/// Number of posts that one statement measures.
const MEASURED_POSTS: usize = 100;

/// First byte of a place in a page token, which tells its form.
const BY_ID: u8 = 0;
const BY_TIME: u8 = 1;
const BY_TITLE: u8 = 2;

/// Bytes of an id.
const ID_BYTES: usize = 16;

/// Returns the page of posts that the request names.
///
/// `row` converts a post to a message and measures the message. `reserve` waits for room for posts of this number of
/// bytes, with their contents, before they are read.
pub(crate) async fn page<T, E, F>(
    state: &BlogState,
    caller: PostCaller,
    selection: &PostSelection,
    wanted: PostPage<'_>,
    row: fn(Post) -> PageRow<T, PostId>,
    reserve: impl Fn(usize) -> F,
) -> Result<Page<T>, E>
where
    E: From<BlogError>,
    F: Future<Output = Result<(), E>>,
{
    let PostSelection { filter, order } = selection;
    if *filter == PostFilter::default() && *order == PostOrder::default() {
        return read::page(state, wanted, row, reserve).await;
    }
    let PostPage { size, token, view } = wanted;
    let list = MergedList::open(state, caller, selection).await?;
    let read = async |after: Option<PostPosition>, limit| {
        let found = list.after(after, limit).await?;
        match view {
            PostView::Basic => Ok(basic(state, &list, found, row).await?),
            PostView::Full => full(state, &list, found, row, &reserve).await,
        }
    };
    let scope = scope(selection, view);
    let wanted = PageRequest { scope: &scope, size, token };
    page::fill(&state.page_tokens, wanted, state.clock.now(), read).await.map_err(PageFailure::into_error)
}

/// Returns the scope of a page token. Different filters and orders have different scopes.
fn scope(selection: &PostSelection, view: PostView) -> String {
    let view = match view {
        PostView::Basic => "basic",
        PostView::Full => "full",
    };
    let PostSelection { filter, order } = selection;
    format!("{LIST_METHOD} view={view} order={} {}", order.name(), filter.fingerprint())
}

/// Reads the found posts without their contents.
async fn basic<T>(
    state: &BlogState,
    list: &MergedList<'_>,
    found: FoundFacts,
    row: fn(Post) -> PageRow<T, PostId>,
) -> Result<PageBatch<T, PostPosition>, BlogError> {
    let FoundFacts { posts, looked_at } = found;
    let mut rows = Vec::with_capacity(posts.len());
    for some in posts.chunks(posts_per_read(PostView::Basic)) {
        for post in read_again(state, list, some, PostView::Basic).await? {
            rows.push(at_its_place(list, post, row));
        }
    }
    Ok(PageBatch { rows, has_more: looked_at.is_some(), looked_at })
}

/// Reads the found posts with their contents, as many as fit into one answer.
async fn full<T, E, F>(
    state: &BlogState,
    list: &MergedList<'_>,
    found: FoundFacts,
    row: fn(Post) -> PageRow<T, PostId>,
    reserve: &impl Fn(usize) -> F,
) -> Result<PageBatch<T, PostPosition>, PageFailure<E>>
where
    F: Future<Output = Result<(), E>>,
{
    let FoundFacts { mut posts, mut looked_at } = found;
    let octets = measured(state, &posts).await?;
    let count = fitting(octets.iter().copied());
    if count < posts.len() {
        posts.truncate(count);
        looked_at = posts.last().map(|last| list.position(last));
    }
    let bytes = octets.iter().take(count).fold(0, |sum: usize, octets| sum.saturating_add(octets + FIELD_BYTES));
    reserve(bytes.min(MAX_PAGE_BYTES)).await.map_err(PageFailure::NoRoom)?;
    let mut rows = Vec::with_capacity(posts.len());
    for some in posts.chunks(posts_per_read(PostView::Full)) {
        for post in read_again(state, list, some, PostView::Full).await? {
            rows.push(at_its_place(list, freshness::fresh(state, post).await, row));
        }
    }
    Ok(PageBatch { rows, has_more: looked_at.is_some(), looked_at })
}

/// Returns the bytes of the first posts, in their order, up to the largest answer or the end.
async fn measured(state: &BlogState, posts: &[PostFacts]) -> Result<Vec<usize>, BlogError> {
    let mut octets = Vec::with_capacity(posts.len());
    for some in posts.chunks(MEASURED_POSTS) {
        let ids: Vec<PostId> = some.iter().map(|post| post.id).collect();
        let sizes = state.store.sizes_of(&ids).await?.into_iter();
        let sizes: HashMap<PostId, usize> =
            sizes.map(|size| (size.id, usize::try_from(size.octets).unwrap_or(MAX_PAGE_BYTES))).collect();
        // A post that was deleted meanwhile has no bytes.
        octets.extend(ids.iter().map(|id| sizes.get(id).copied().unwrap_or_default()));
        if octets.iter().fold(0, |sum: usize, octets| sum.saturating_add(*octets)) > MAX_PAGE_BYTES {
            break;
        }
    }
    Ok(octets)
}

/// Reads posts by their ids, in their order. A post that has changed its place or does not match any more is left out.
async fn read_again(
    state: &BlogState,
    list: &MergedList<'_>,
    found: &[PostFacts],
    view: PostView,
) -> Result<Vec<Post>, BlogError> {
    let ids: Vec<PostId> = found.iter().map(|post| post.id).collect();
    let posts = state.store.posts_of(&ids, view).await?;
    let mut posts: HashMap<PostId, Post> = posts.into_iter().map(|post| (post.id, post)).collect();
    let is_same = |post: &Post, before: &PostFacts| {
        let post = PostFacts::from(post);
        list.has(&post) && list.position(&post) == list.position(before)
    };
    Ok(found.iter().filter_map(|before| posts.remove(&before.id).filter(|post| is_same(post, before))).collect())
}

/// Returns the row of a post at its place in the list.
fn at_its_place<T>(list: &MergedList<'_>, post: Post, row: fn(Post) -> PageRow<T, PostId>) -> PageRow<T, PostPosition> {
    let place = list.position(&PostFacts::from(&post));
    let PageRow { id: _, bytes, item } = row(post);
    PageRow { id: place, bytes, item }
}

impl PageKey for PostPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = match &self.value {
            OrderValue::Id => vec![BY_ID],
            OrderValue::Time(time) => [&[BY_TIME][..], &time.timestamp_micros().to_be_bytes()].concat(),
            OrderValue::Title(title) => [&[BY_TITLE][..], title.as_bytes()].concat(),
        };
        bytes.extend(self.id.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first()?;
        let (value, id) = rest.split_last_chunk::<ID_BYTES>()?;
        let value = match *form {
            BY_ID if value.is_empty() => OrderValue::Id,
            BY_TIME => OrderValue::Time(DateTime::from_timestamp_micros(i64::from_be_bytes(value.try_into().ok()?))?),
            BY_TITLE => OrderValue::Title(String::from_utf8(value.to_vec()).ok()?),
            _ => return None,
        };
        Some(Self { value, id: PostId::from_bytes(id)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_read_back_from_its_bytes() {
        let time = DateTime::from_timestamp(1_767_225_600, 1_000).unwrap();
        for value in [OrderValue::Id, OrderValue::Time(time), OrderValue::Title("Gr\u{fc}n".into())] {
            let place = PostPosition { value, id: PostId::from_u128(42) };
            assert_eq!(PostPosition::from_bytes(&place.to_bytes()), Some(place));
        }
        for bad in [
            &[][..],
            &[BY_ID],
            &[BY_TIME; 17],
            &[3; 17],
            &[BY_TITLE, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(PostPosition::from_bytes(bad), None, "{bad:?}");
        }
    }
}
