//! Parts of the service that all calls share.

use kit::Clock;
use kit::ids::Ids;
use kit::page::PageTokens;
use kit::rate_limiter::RateLimiter;

use super::render::Renderer;
use crate::domain::AuthorId;
use crate::error::BlogError;
use crate::store::BlogStore;

/// Parts that the use cases work with.
pub(crate) struct BlogState {
    pub(crate) store: BlogStore,
    pub(crate) page_tokens: PageTokens,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) renderer: Renderer,
    /// Quota of posts that each user creates.
    pub(crate) posts: RateLimiter<AuthorId>,
    /// Quota of bytes that each user writes.
    pub(crate) bytes: RateLimiter<AuthorId>,
}

impl BlogState {
    /// Charges a write to the user's quotas.
    pub(crate) fn meter(&self, user: AuthorId, posts: u64, bytes: usize) -> Result<(), BlogError> {
        let now = self.clock.now();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes
            .take(user, bytes, now)
            .and_then(|()| self.posts.take(user, posts, now))
            .map_err(BlogError::QuotaUsedUp)
    }
}
