//! Parts of the service that all calls share.

use kit::Clock;
use kit::ids::Ids;
use kit::page::PageTokens;
use kit::rate_limiter::RateLimiter;

use super::render::Renderer;
use crate::domain::{AuthorId, Rendering};
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
    /// Charges the HTML of a write to the user's quota, after it was made. A used up quota refuses the next write.
    pub(crate) fn charge_html(&self, user: AuthorId, rendering: &Rendering) {
        let bytes = u64::try_from(rendering.bytes()).unwrap_or(u64::MAX);
        self.bytes.charge(user, bytes, self.clock.now());
    }

    /// Charges a write to the user's quotas, before any work is done for it. A request that only validates counts, too.
    pub(crate) fn meter(&self, user: AuthorId, posts: u64, bytes: usize) -> Result<(), BlogError> {
        let now = self.clock.now();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes
            .take(user, bytes, now)
            .and_then(|()| self.posts.take(user, posts, now))
            .map_err(BlogError::QuotaUsedUp)
    }
}
