//! The wire's side of each service: convert → domain → store → convert.

mod auth;
mod caller;
mod local;
mod session;
mod token;
mod user;
mod watch;

use std::sync::Arc;

use gatepost::api::auth::v1::auth_service_server::AuthServiceServer;
use gatepost::api::auth::v1::session_service_server::SessionServiceServer;
use gatepost::api::auth::v1::token_service_server::TokenServiceServer;
use gatepost::api::auth::v1::user_service_server::UserServiceServer;
use tonic::service::Routes;

pub(crate) use local::LocalVerifier;

use crate::app::State;

/// The largest request, in bytes.
const MAX_REQUEST: usize = 256 * 1024;

/// The service's gRPC services.
pub(crate) fn routes(state: &Arc<State>) -> Routes {
    let auth = AuthServiceServer::new(auth::AuthRpc(Arc::clone(state))).max_decoding_message_size(MAX_REQUEST);
    let session = SessionServiceServer::new(session::SessionRpc(Arc::clone(state)));
    let token = TokenServiceServer::new(token::TokenRpc(Arc::clone(state)));
    let user = UserServiceServer::new(user::UserRpc(Arc::clone(state)));
    Routes::new(auth)
        .add_service(session.max_decoding_message_size(MAX_REQUEST))
        .add_service(token.max_decoding_message_size(MAX_REQUEST))
        .add_service(user.max_decoding_message_size(MAX_REQUEST))
}
