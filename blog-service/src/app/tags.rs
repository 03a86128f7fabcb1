//! Lists of tags with the numbers of their posts.

use kit::page::{self, Page, PageBatch, PageKey, PageRequest, PageRow};

use super::BlogState;
use crate::domain::{Tag, TagCount};
use crate::error::BlogError;

/// Method that a page token is bound to.
const METHOD: &str = "gatepost.blog.v1.PostService/ListTags";

/// A page of tags to read.
pub(crate) struct TagPage<'t> {
    /// Largest number of tags.
    pub(crate) size: u32,
    /// Token of the page; empty for the first one.
    pub(crate) token: &'t str,
}

impl PageKey for Tag {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_str().as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok().map(Self::from_stored)
    }
}

/// Returns the page of tags of published posts that the request names. `row` converts and measures a tag.
pub(crate) async fn page<T>(
    state: &BlogState,
    wanted: TagPage<'_>,
    row: fn(TagCount) -> PageRow<T, Tag>,
) -> Result<Page<T>, BlogError> {
    let read = async |after: Option<Tag>, limit| {
        let tags = state.store.list_tags(after.as_ref(), limit).await?;
        Ok::<_, BlogError>(PageBatch::up_to(limit, tags.into_iter().map(row).collect()))
    };
    let wanted = PageRequest { scope: METHOD, size: wanted.size, token: wanted.token };
    page::fill(&state.page_tokens, wanted, state.clock.now(), read).await
}
