//! Reads the circumstances of a call for the audit log.

use gatepost::trace::TraceParent;
use gatepost::{Identity, SubjectKind};
use http::HeaderMap;
use kit::peer::CallerResolver;
use kit::trace::request_id;
use tonic::Request;

use crate::app::OperatorCall;
use crate::domain::{Actor, AuditContext, Client};

/// Longest name of a service.
const MAX_SERVICE_NAME: usize = 32;

/// Largest stored part of a client's `user-agent`, in bytes.
const MAX_USER_AGENT: usize = 256;

/// Reads the caller, the client and the ids of a call.
pub(crate) fn context<T>(request: &Request<T>, callers: &CallerResolver) -> AuditContext {
    let is_operator = request.extensions().get::<OperatorCall>().is_some();
    let actor = if is_operator { Actor::Operator } else { Identity::find(request).map_or(Actor::Anonymous, actor) };
    let peer = callers.resolve(request).map(|address| address.to_string());
    of_headers(actor, peer.unwrap_or_default(), request.metadata().as_ref())
}

/// Returns the circumstances of a call with these headers. Reads the ids only in their exact forms: any other text may
/// be a secret.
pub(crate) fn of_headers(actor: Actor, peer: String, headers: &HeaderMap) -> AuditContext {
    let user_agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A header's text is ASCII, so it can be cut at any byte.
    let user_agent = user_agent[..user_agent.len().min(MAX_USER_AGENT)].to_owned();
    AuditContext {
        actor,
        client: Client { peer, user_agent },
        request_id: request_id::from_headers(headers).map(|id| id.to_string()).unwrap_or_default(),
        trace_id: TraceParent::from_headers(headers).map(|trace| trace.trace().to_string()).unwrap_or_default(),
    }
}

/// Returns the bearer of a token as an actor.
fn actor(identity: &Identity) -> Actor {
    match identity.kind {
        SubjectKind::User => identity.subject.parse().map_or(Actor::Anonymous, Actor::User),
        // The name of a service has at most 32 characters. The id of a key, a UUID with hyphens, has more.
        SubjectKind::Service => match identity.subject.parse() {
            Ok(id) if identity.subject.len() > MAX_SERVICE_NAME => Actor::ApiKey(id),
            _ => Actor::Service(identity.subject.clone()),
        },
        _ => Actor::Anonymous,
    }
}
