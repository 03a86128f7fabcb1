//! The access table of the service.

use gatepost::{Policy, Rule};
use kit::serve::Elsewhere;

use crate::config::Registration;
use crate::domain::Role;

/// Services behind the guard.
pub(crate) const SERVICES: [&str; 6] = [
    "gatepost.auth.v1.ApiKeyService",
    "gatepost.auth.v1.AuditService",
    "gatepost.auth.v1.AuthService",
    "gatepost.auth.v1.SessionService",
    "gatepost.auth.v1.TokenService",
    "gatepost.auth.v1.UserService",
];

/// The other service of the pair: callers may confuse the two ports.
pub(crate) const ELSEWHERE: [Elsewhere; 1] =
    [Elsewhere { package: "gatepost.blog.v1", service: "blog-service", default_port: 50052, setting: "BLOG_LISTEN" }];

/// Methods without which the guarded services stop.
pub(crate) const ESSENTIAL: [&str; 1] = ["/gatepost.auth.v1.TokenService/VerifyToken"];

/// Methods whose answers hold secrets.
pub(crate) const SECRET_ANSWERS: [&str; 8] = [
    "/gatepost.auth.v1.ApiKeyService/CreateApiKey",
    "/gatepost.auth.v1.ApiKeyService/RotateApiKey",
    "/gatepost.auth.v1.AuthService/Login",
    "/gatepost.auth.v1.AuthService/RefreshToken",
    "/gatepost.auth.v1.UserService/ChangePassword",
    "/gatepost.auth.v1.UserService/CompletePasswordReset",
    "/gatepost.auth.v1.UserService/CreateUser",
    "/gatepost.auth.v1.UserService/ResetPassword",
];

/// Returns the access table. The handlers check the ownership of data.
pub(crate) fn policy(registration: Registration) -> Policy {
    let create_user = match registration {
        Registration::Open => Rule::Public,
        Registration::Closed => Rule::role(Role::ADMIN),
    };
    Policy::closed()
        .with_health()
        .with_reflection()
        .rule("/gatepost.auth.v1.ApiKeyService/CreateApiKey", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.ApiKeyService/GetApiKey", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.ApiKeyService/ListApiKeys", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.ApiKeyService/UpdateApiKey", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.ApiKeyService/RotateApiKey", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.ApiKeyService/RevokeApiKey", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.AuditService/ListAuditEvents", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.AuditService/WatchAuditEvents", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.AuthService/Login", Rule::Public)
        .rule("/gatepost.auth.v1.AuthService/RefreshToken", Rule::Public)
        .rule("/gatepost.auth.v1.AuthService/Logout", Rule::Authenticated)
        .rule("/gatepost.auth.v1.TokenService/VerifyToken", Rule::Public)
        .rule("/gatepost.auth.v1.TokenService/ListSigningKeys", Rule::Public)
        .rule("/gatepost.auth.v1.TokenService/WatchRevocations", Rule::role(Role::SERVICE))
        .rule("/gatepost.auth.v1.UserService/CreateUser", create_user)
        .rule("/gatepost.auth.v1.UserService/GetMe", Rule::Authenticated)
        .rule("/gatepost.auth.v1.UserService/GetUser", Rule::Authenticated)
        .rule("/gatepost.auth.v1.UserService/BatchGetUsers", Rule::Authenticated)
        .rule("/gatepost.auth.v1.UserService/ListUsers", Rule::Authenticated)
        .rule("/gatepost.auth.v1.UserService/UpdateUser", Rule::Authenticated)
        .rule("/gatepost.auth.v1.UserService/ChangePassword", Rule::Authenticated)
        .rule("/gatepost.auth.v1.UserService/DeleteUser", Rule::Authenticated)
        .rule("/gatepost.auth.v1.UserService/SetUserRoles", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.UserService/DisableUser", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.UserService/EnableUser", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.UserService/ResetPassword", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.UserService/CompletePasswordReset", Rule::Public)
        .rule("/gatepost.auth.v1.UserService/UnlockUser", Rule::role(Role::ADMIN))
        .rule("/gatepost.auth.v1.SessionService/ListSessions", Rule::Authenticated)
        .rule("/gatepost.auth.v1.SessionService/RevokeSession", Rule::Authenticated)
        .rule("/gatepost.auth.v1.SessionService/RevokeAllSessions", Rule::Authenticated)
}

#[cfg(test)]
mod tests {
    use gatepost::api::DESCRIPTOR_SET;
    use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor, MethodDescriptor};
    use testkit::methods;

    use super::*;

    /// C23: every method has a row, and every row a method.
    #[test]
    fn access_table_matches_contract() {
        for registration in [Registration::Open, Registration::Closed] {
            assert_eq!(policy(registration).check(DESCRIPTOR_SET, &SERVICES), Ok(()));
        }
    }

    /// The size of a compressed answer tells about its secrets.
    #[test]
    fn answers_with_secrets_are_known() {
        let is_secret = |field: FieldDescriptor| field.options().get_field_by_name("debug_redact").unwrap().as_bool();
        let has_secrets = |message: MessageDescriptor| message.fields().any(|field| is_secret(field) == Some(true));
        let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
        let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let has_secret_answer = |method: &MethodDescriptor| {
            let nested = |field: FieldDescriptor| field.kind().as_message().cloned().is_some_and(has_secrets);
            has_secrets(method.output()) || method.output().fields().any(nested)
        };
        let path = |method: MethodDescriptor| format!("/{}/{}", method.parent_service().full_name(), method.name());
        let mut secret: Vec<_> = methods.filter(has_secret_answer).map(path).collect();
        secret.sort();
        assert_eq!(secret, SECRET_ANSWERS);
    }

    #[test]
    fn guarded_streams_are_known() {
        // Each stream named here has a test of its end in tests/rpc/stale.rs or tests/rpc/audit_watch.rs.
        for registration in [Registration::Open, Registration::Closed] {
            let policy = policy(registration);
            let streams = methods(DESCRIPTOR_SET, "gatepost.auth.v1").into_iter().filter(|method| method.is_stream);
            let guarded = streams.filter(|method| *policy.find_rule(&method.path) != Rule::Public);
            let paths: Vec<_> = guarded.map(|method| method.path).collect();
            let audit = "/gatepost.auth.v1.AuditService/WatchAuditEvents";
            assert_eq!(paths, [audit, "/gatepost.auth.v1.TokenService/WatchRevocations"]);
        }
    }
}
