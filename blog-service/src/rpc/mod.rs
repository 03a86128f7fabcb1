//! The wire's side of each service: convert → domain → store → convert.

mod create;
mod posts;
mod read;
mod write;

use std::sync::Arc;

use gatepost::api::blog::v1::post_service_server::PostServiceServer;
use kit::Clock;
use kit::ids::Ids;
use kit::page::PageTokens;
use tonic::service::Routes;

use crate::store::Store;

/// The largest request, in bytes: a content of 1 MiB and what goes with it.
const MAX_REQUEST: usize = 1024 * 1024 + 256 * 1024;

/// The service's parts, shared by all calls.
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) page_tokens: PageTokens,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
}

/// The service's gRPC services.
pub(crate) fn routes(state: &Arc<State>) -> Routes {
    let posts = posts::PostRpc(Arc::clone(state));
    Routes::new(PostServiceServer::new(posts).max_decoding_message_size(MAX_REQUEST))
}
