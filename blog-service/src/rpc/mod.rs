//! Adapters of the RPCs: convert → app → convert.

mod posts;

use std::sync::Arc;

use crate::api::v1::post_service_server::PostServiceServer;
use tonic::service::Routes;

use crate::app::BlogState;

/// Largest request, in bytes: a content of 1 MiB and 256 KiB for the other fields.
pub(crate) const MAX_REQUEST_BYTES: usize = 1024 * 1024 + 256 * 1024;

/// Returns the service's gRPC services.
pub(crate) fn routes(state: &Arc<BlogState>) -> Routes {
    let posts = posts::PostRpc(Arc::clone(state));
    Routes::new(PostServiceServer::new(posts).max_decoding_message_size(MAX_REQUEST_BYTES))
}
