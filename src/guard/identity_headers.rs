//! Removal of headers that claim an identity.

use http::{HeaderMap, HeaderName};

/// Headers in which proxies pass the caller's identity to a backend. Callers can forge them.
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

/// The `x-forwarded-` headers about the route, which are kept.
const ROUTE_HEADERS: [&str; 5] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-prefix"];

/// Removes all headers that claim an identity.
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
    fn identity_headers_differ_from_route_headers() {
        for name in ["x-user-id", "x-user-id-bin", "x-forwarded-user", "x-auth-request-email", "x-gatepost-subject"] {
            assert!(claims_identity(name), "{name}");
        }
        for name in ["x-forwarded-for", "x-request-id", "traceparent", "user-agent", "api-token", "authorization"] {
            assert!(!claims_identity(name), "{name}");
        }
    }
}
