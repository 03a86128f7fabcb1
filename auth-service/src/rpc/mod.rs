//! The wire's side of each service: convert → domain → store → convert.

mod auth;
mod introspect;
mod local;
mod token;
mod user;

use std::sync::Arc;

use gatepost::api::auth::v1::auth_service_server::AuthServiceServer;
use gatepost::api::auth::v1::token_service_server::TokenServiceServer;
use gatepost::api::auth::v1::user_service_server::UserServiceServer;
use gatepost::{Identity, Refusal, SubjectKind};
use tonic::Request;
use tonic::service::Routes;
use uuid::Uuid;

pub(crate) use local::LocalVerifier;

use crate::error::Error;
use crate::state::State;

/// The largest request, in bytes.
const MAX_REQUEST: usize = 256 * 1024;

/// The service's gRPC services.
pub(crate) fn routes(state: &Arc<State>) -> Routes {
    let auth = AuthServiceServer::new(auth::AuthRpc(Arc::clone(state))).max_decoding_message_size(MAX_REQUEST);
    let token = TokenServiceServer::new(token::TokenRpc(Arc::clone(state))).max_decoding_message_size(MAX_REQUEST);
    let user = UserServiceServer::new(user::UserRpc(Arc::clone(state))).max_decoding_message_size(MAX_REQUEST);
    Routes::new(auth).add_service(token).add_service(user)
}

/// The id of the user who calls, and that of the session.
fn caller<T>(request: &Request<T>) -> Result<(Uuid, Uuid), Error> {
    let identity = Identity::find(request).ok_or(Error::Refused(Refusal::TokenMissing))?;
    let ids = match identity.kind {
        SubjectKind::User => {
            identity.subject.parse().ok().zip(identity.session.as_deref().and_then(|id| id.parse().ok()))
        }
        SubjectKind::Service => None,
    };
    ids.ok_or(Error::Refused(Refusal::NotAllowed))
}
