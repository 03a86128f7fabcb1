//! The table itself. A method that it does not name needs a token.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{PolicyError, contract, option};

/// What a method asks of its caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// Nothing: the token is not even looked at.
    Public,
    /// No token, which makes the caller anonymous, or a valid one; a bad one is refused.
    Optional,
    /// A valid token.
    #[default]
    Authenticated,
    /// A valid token whose subject has this role.
    Role(Cow<'static, str>),
}

impl Rule {
    /// A valid token whose subject has this role.
    pub fn role(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Role(name.into())
    }
}

/// The rules of a server's methods by path, closed by default.
///
/// The path is that of the HTTP/2 request, `/package.Service/Method`, without query.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: HashMap<Cow<'static, str>, Rule>,
}

impl Policy {
    /// Every method needs a valid token.
    pub fn closed() -> Self {
        Self::default()
    }

    /// The rules that are written beside the RPCs of the services named `services`, each as `package.Service`, with
    /// the option [`gatepost.options.v1.rule`](crate#rules-beside-the-rpcs). A row that is added later takes its place.
    ///
    /// `descriptors` is an encoded `google.protobuf.FileDescriptorSet`, as protoc, buf or protox writes it. One that has
    /// been through `prost_types::FileDescriptorSet` has lost its options, so that every method is without a rule.
    ///
    /// # Errors
    /// [`PolicyError::Services`] when one of the services is not there; [`PolicyError::Rules`] lists each method that
    /// has no rule, or none that is understood. [`PolicyError::Descriptors`] when the set cannot be read.
    pub fn from_descriptors(descriptors: &[u8], services: &[&str]) -> Result<Self, PolicyError> {
        let mut policy = Self::closed();
        let mut faults = BTreeMap::new();
        for (path, written) in contract::methods(descriptors, services)? {
            match option::read(&written) {
                Ok(rule) => policy = policy.rule(path, rule),
                Err(fault) => {
                    faults.insert(path, fault);
                }
            }
        }
        if faults.is_empty() { Ok(policy) } else { Err(PolicyError::Rules(faults)) }
    }

    /// This method has this rule.
    #[must_use]
    pub fn rule(mut self, path: impl Into<Cow<'static, str>>, rule: Rule) -> Self {
        self.rules.insert(path.into(), rule);
        self
    }

    /// The gRPC health service is public.
    #[must_use]
    pub fn with_health(self) -> Self {
        self.rule("/grpc.health.v1.Health/Check", Rule::Public).rule("/grpc.health.v1.Health/Watch", Rule::Public)
    }

    /// The gRPC reflection service is public, in both of its versions.
    #[must_use]
    pub fn with_reflection(self) -> Self {
        self.rule("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Rule::Public)
            .rule("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Rule::Public)
    }

    /// The rule of the method at `path`.
    pub fn of(&self, path: &str) -> &Rule {
        const CLOSED: &Rule = &Rule::Authenticated;
        self.rules.get(path).unwrap_or(CLOSED)
    }

    /// Checks the table against the services named `services`, for a test to call: each of them is there, each of their
    /// methods has a row, and each row names a method (those of health and reflection aside).
    ///
    /// `descriptors` is an encoded `google.protobuf.FileDescriptorSet`.
    ///
    /// # Errors
    /// [`PolicyError`] lists what does not fit.
    pub fn check(&self, descriptors: &[u8], services: &[&str]) -> Result<(), PolicyError> {
        let methods: BTreeSet<_> = contract::methods(descriptors, services)?.into_keys().collect();
        let rows: BTreeSet<String> =
            self.rules.keys().filter(|path| !path.starts_with("/grpc.")).map(ToString::to_string).collect();
        let without_row: Vec<_> = methods.difference(&rows).cloned().collect();
        let without_method: Vec<_> = rows.difference(&methods).cloned().collect();
        if without_row.is_empty() && without_method.is_empty() {
            return Ok(());
        }
        Err(PolicyError::Mismatch { without_row, without_method })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::DESCRIPTOR_SET;

    const AUTH: &str = "gatepost.auth.v1.AuthService";

    #[test]
    fn a_method_without_a_row_is_closed() {
        let policy = Policy::closed().with_health();
        assert_eq!(policy.of("/a.B/C"), &Rule::Authenticated);
        assert_eq!(policy.of("/grpc.health.v1.Health/Check"), &Rule::Public);
        assert_eq!(policy.of("/grpc.health.v1.Health/check"), &Rule::Authenticated);
        assert_eq!(policy.of("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"), &Rule::Authenticated);
    }

    #[test]
    fn the_check_finds_both_kinds_of_fault() {
        let full = Policy::closed()
            .with_health()
            .rule("/gatepost.auth.v1.AuthService/Login", Rule::Public)
            .rule("/gatepost.auth.v1.AuthService/RefreshToken", Rule::Public)
            .rule("/gatepost.auth.v1.AuthService/Logout", Rule::Authenticated);
        assert_eq!(full.check(DESCRIPTOR_SET, &[AUTH]), Ok(()));

        let wrong = Policy::closed()
            .rule("/gatepost.auth.v1.AuthService/Login", Rule::Public)
            .rule("/gatepost.auth.v1.AuthService/RefreshToken", Rule::Public)
            .rule("/gatepost.auth.v1.AuthService/LogOut", Rule::Authenticated);
        assert_eq!(
            wrong.check(DESCRIPTOR_SET, &[AUTH]),
            Err(PolicyError::Mismatch {
                without_row: vec!["/gatepost.auth.v1.AuthService/Logout".into()],
                without_method: vec!["/gatepost.auth.v1.AuthService/LogOut".into()],
            })
        );
        assert_eq!(wrong.check(b"nonsense", &[AUTH]), Err(PolicyError::Descriptors));
    }

    #[test]
    fn the_check_knows_each_service() {
        let unknown = Err(PolicyError::Services(vec!["gatepost.auth.v1.AuthServices".into()]));
        assert_eq!(Policy::closed().check(DESCRIPTOR_SET, &["gatepost.auth.v1.AuthServices"]), unknown);
    }
}
