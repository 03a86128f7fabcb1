//! The wire's side of each service: convert → domain → store → convert.

mod create;
mod posts;
mod read;
mod write;

use std::sync::Arc;

use crate::api::v1::post_service_server::PostServiceServer;
use kit::Clock;
use kit::ids::Ids;
use kit::meter::Meter;
use kit::page::PageTokens;
use tonic::service::Routes;
use uuid::Uuid;

use crate::error::Error;
use crate::store::Store;

/// The largest request, in bytes: a content of 1 MiB and what goes with it.
const MAX_REQUEST: usize = 1024 * 1024 + 256 * 1024;

/// The service's parts, shared by all calls.
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) page_tokens: PageTokens,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    /// Posts that each user creates.
    pub(crate) posts: Meter<Uuid>,
    /// Bytes that each user writes.
    pub(crate) bytes: Meter<Uuid>,
}

impl State {
    /// Takes a write of this user from the user's quotas.
    pub(crate) fn meter(&self, user: Uuid, posts: u64, bytes: usize) -> Result<(), Error> {
        let now = self.clock.now();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes.take(user, bytes, now).and_then(|()| self.posts.take(user, posts, now)).map_err(Error::QuotaUsedUp)
    }
}

/// The service's gRPC services.
pub(crate) fn routes(state: &Arc<State>) -> Routes {
    let posts = posts::PostRpc(Arc::clone(state));
    Routes::new(PostServiceServer::new(posts).max_decoding_message_size(MAX_REQUEST))
}
