//! Thin gRPC adapters, one file per service: convert → app → convert.

mod api_key;
mod audit;
mod auth;
mod caller;
mod denials;
mod local;
mod session;
mod token;
mod user;
mod watch;

use std::sync::Arc;

use gatepost::api::auth::v1::api_key_service_server::ApiKeyServiceServer;
use gatepost::api::auth::v1::audit_service_server::AuditServiceServer;
use gatepost::api::auth::v1::auth_service_server::AuthServiceServer;
use gatepost::api::auth::v1::session_service_server::SessionServiceServer;
use gatepost::api::auth::v1::token_service_server::TokenServiceServer;
use gatepost::api::auth::v1::user_service_server::UserServiceServer;
use kit::peer::CallerResolver;
use kit::shutdown::Shutdown;
use tonic::service::Routes;

pub(crate) use denials::observe;
pub(crate) use local::LocalVerifier;

use crate::app::App;

/// Largest request, in bytes.
pub(crate) const MAX_REQUEST: usize = 256 * 1024;

/// Returns the gRPC services. `callers` determines the address of a caller; `stop` ends open streams.
pub(crate) fn routes(app: &Arc<App>, callers: &CallerResolver, stop: &Shutdown) -> Routes {
    let api_key = ApiKeyServiceServer::new(api_key::ApiKeyRpc { app: Arc::clone(app), callers: callers.clone() });
    let audit = AuditServiceServer::new(audit::AuditRpc { app: Arc::clone(app), stop: stop.clone() });
    let auth = AuthServiceServer::new(auth::AuthRpc { app: Arc::clone(app), callers: callers.clone() });
    let session = SessionServiceServer::new(session::SessionRpc { app: Arc::clone(app), callers: callers.clone() });
    let token = TokenServiceServer::new(token::TokenRpc { app: Arc::clone(app), stop: stop.clone() });
    let user = UserServiceServer::new(user::UserRpc { app: Arc::clone(app), callers: callers.clone() });
    Routes::new(auth.max_decoding_message_size(MAX_REQUEST))
        .add_service(api_key.max_decoding_message_size(MAX_REQUEST))
        .add_service(audit.max_decoding_message_size(MAX_REQUEST))
        .add_service(session.max_decoding_message_size(MAX_REQUEST))
        .add_service(token.max_decoding_message_size(MAX_REQUEST))
        .add_service(user.max_decoding_message_size(MAX_REQUEST))
}
