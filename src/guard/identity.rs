//! Who calls, as the guard found out and as a handler reads it.

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName};
use tonic::{Request, Status};

use super::Refusal;

/// The bearer of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's id, a UUID, or the service's name.
    pub subject: String,
    /// What the subject is.
    pub kind: SubjectKind,
    /// The subject's roles when the token was issued.
    pub roles: Vec<String>,
    /// The session that the token belongs to, a UUID; `None` for services.
    pub session: Option<String>,
    /// The services that the token is for.
    pub audiences: Vec<String>,
    /// When the token expires; `None` for a service key, which does not.
    pub expire_time: Option<SystemTime>,
}

/// What a token's subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// A user of the auth service.
    User,
    /// Another backend service.
    Service,
}

impl Identity {
    /// The caller of a guarded method.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when the call carried no token, which only a method of the rule `Optional` or `Public` sees; at one
    /// that is `Public` with a token, too, since nobody looks at it, and wherever there is no [`GuardLayer`](crate::GuardLayer).
    pub fn of<T>(request: &Request<T>) -> Result<&Self, Status> {
        Self::find(request).ok_or_else(|| Refusal::TokenMissing.into())
    }

    /// The caller, or `None` for an anonymous call.
    pub fn find<T>(request: &Request<T>) -> Option<&Self> {
        request.extensions().get::<Arc<Self>>().map(AsRef::as_ref)
    }

    /// Whether the subject has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }
}

/// Headers by which proxies tell a backend who calls. A caller can write them, too, so none gets past the guard.
const IDENTITY_HEADERS: [&str; 18] = [
    "x-user",
    "x-user-id",
    "x-user-name",
    "x-user-email",
    "x-user-role",
    "x-user-roles",
    "x-username",
    "x-email",
    "x-roles",
    "x-remote-user",
    "remote-user",
    "x-authenticated-user",
    "x-authenticated-userid",
    "x-authenticated-scope",
    "x-subject",
    "x-tenant-id",
    "x-jwt-payload",
    "x-jwt-claims",
];

const IDENTITY_PREFIXES: [&str; 5] =
    ["x-forwarded-", "x-auth-request-", "x-goog-authenticated-", "x-gatepost-", "x-ms-client-principal"];

/// The `x-forwarded-` headers that speak of the route and not of the caller.
const ROUTE_HEADERS: [&str; 5] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-prefix"];

/// Takes out of a request's headers whatever claims an identity that this guard has not found out.
pub(super) fn strip(headers: &mut HeaderMap) {
    let foreign: Vec<HeaderName> = headers.keys().filter(|name| claims_identity(name.as_str())).cloned().collect();
    for name in foreign {
        headers.remove(name);
    }
}

fn claims_identity(name: &str) -> bool {
    let name = name.strip_suffix("-bin").unwrap_or(name);
    IDENTITY_HEADERS.contains(&name)
        || (IDENTITY_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !ROUTE_HEADERS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_headers_are_told_from_route_headers() {
        for name in ["x-user-id", "x-user-id-bin", "x-forwarded-user", "x-auth-request-email", "x-gatepost-subject"] {
            assert!(claims_identity(name), "{name}");
        }
        for name in ["x-forwarded-for", "x-request-id", "traceparent", "user-agent", "api-token", "authorization"] {
            assert!(!claims_identity(name), "{name}");
        }
    }
}
