//! The policy table. A method without a row needs a token.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{PolicyError, RowFault, Rule, contract, option};

/// The rules of a server's methods by path, closed by default.
///
/// A path is the HTTP/2 path without query: `/package.Service/Method`.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    methods: HashMap<Cow<'static, str>, Rule>,
    /// Rules of whole services, by `package.Service`.
    services: HashMap<Cow<'static, str>, Rule>,
    /// Malformed rows, by the text as written.
    faults: BTreeMap<String, RowFault>,
}

impl Policy {
    /// Closes every method: each needs a valid token.
    pub fn closed() -> Self {
        Self::default()
    }

    /// Reads the rules of these services from the option [`gatepost.options.v1.rule`](crate#rules-beside-the-rpcs) of
    /// their RPCs. Each service is named as `package.Service`. A row that is added later replaces such a rule.
    ///
    /// `descriptors` is an encoded `google.protobuf.FileDescriptorSet`, as protoc, buf or protox writes it. A set that
    /// was decoded into a `prost_types::FileDescriptorSet` has lost its options, so every method is without a rule.
    ///
    /// # Errors
    /// [`PolicyError::Services`] lists services that are missing in the set. [`PolicyError::Rules`] lists methods
    /// without a valid rule. [`PolicyError::Descriptors`] means that the set cannot be decoded.
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

    /// Sets the rule of a method. The path is `/package.Service/Method`. [`GuardLayer::new`](crate::GuardLayer::new)
    /// fails for any other form.
    #[must_use]
    pub fn rule(mut self, path: impl Into<Cow<'static, str>>, rule: Rule) -> Self {
        let path = path.into();
        let fault = rule.fault().or((!is_method(&path)).then_some(RowFault::Path));
        self.note(&path, fault);
        self.methods.insert(path, rule);
        self
    }

    /// Sets the rule of a service's methods without rows of their own. The name is `package.Service`.
    /// [`GuardLayer::new`](crate::GuardLayer::new) fails for any other form.
    ///
    /// ```
    /// # use gatepost::{Policy, Rule};
    /// let policy = Policy::closed().service("shop.v1.Legacy", Rule::role("staff"));
    /// ```
    #[must_use]
    pub fn service(mut self, name: impl Into<Cow<'static, str>>, rule: Rule) -> Self {
        let name = name.into();
        let fault = rule.fault().or((!is_service(&name)).then_some(RowFault::Service));
        self.note(&name, fault);
        self.services.insert(name, rule);
        self
    }

    fn note(&mut self, row: &str, fault: Option<RowFault>) {
        match fault {
            Some(fault) => self.faults.insert(row.to_owned(), fault),
            // A later row replaces an earlier one.
            None => self.faults.remove(row),
        };
    }

    /// Opens the gRPC health service to all callers.
    #[must_use]
    pub fn with_health(self) -> Self {
        self.rule("/grpc.health.v1.Health/Check", Rule::Public).rule("/grpc.health.v1.Health/Watch", Rule::Public)
    }

    /// Opens both versions of the gRPC reflection service to all callers.
    #[must_use]
    pub fn with_reflection(self) -> Self {
        self.rule("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Rule::Public)
            .rule("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Rule::Public)
    }

    /// Returns the rule of the method at `path`: its own, its service's, or [`Rule::Authenticated`].
    pub fn find_rule(&self, path: &str) -> &Rule {
        const CLOSED: &Rule = &Rule::Authenticated;
        let of_service = || self.services.get(service_of(path)?);
        self.methods.get(path).or_else(of_service).unwrap_or(CLOSED)
    }

    /// Checks the form of all paths, service names and roles.
    ///
    /// # Errors
    /// [`PolicyError::Rows`] lists malformed rows. [`GuardLayer::new`](crate::GuardLayer::new) fails with the same
    /// error.
    pub fn check_rows(&self) -> Result<(), PolicyError> {
        if self.faults.is_empty() { Ok(()) } else { Err(PolicyError::Rows(self.faults.clone())) }
    }

    /// Compares the table with a contract; meant for a test. Each of `services` must be in the contract. Each of their
    /// methods needs a row of its own or of its service. Each row must name a method or service, except rows of health
    /// and reflection.
    ///
    /// `descriptors` is an encoded `google.protobuf.FileDescriptorSet`.
    ///
    /// # Errors
    /// [`PolicyError`] lists the differences.
    pub fn check(&self, descriptors: &[u8], services: &[&str]) -> Result<(), PolicyError> {
        self.check_rows()?;
        let methods: BTreeSet<_> = contract::methods(descriptors, services)?.into_keys().collect();
        let rows: BTreeSet<String> =
            self.methods.keys().filter(|path| !path.starts_with("/grpc.")).map(ToString::to_string).collect();
        let has_service = |path: &String| service_of(path).is_some_and(|name| self.services.contains_key(name));
        let without_row: Vec<_> = methods.difference(&rows).filter(|path| !has_service(path)).cloned().collect();
        let mut without_method: Vec<_> = rows.difference(&methods).cloned().collect();
        without_method
            .extend(self.services.keys().filter(|name| !services.contains(&&***name)).map(ToString::to_string));
        if without_row.is_empty() && without_method.is_empty() {
            return Ok(());
        }
        Err(PolicyError::Mismatch { without_row, without_method })
    }
}

/// Returns the service's name in a path.
fn service_of(path: &str) -> Option<&str> {
    Some(path.strip_prefix('/')?.rsplit_once('/')?.0)
}

/// Returns true for `/package.Service/Method`.
fn is_method(path: &str) -> bool {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    parts.is_some_and(|(service, method)| is_service(service) && is_identifier(method))
}

/// Returns true for `package.Service`; the package is optional.
fn is_service(name: &str) -> bool {
    name.split('.').all(is_identifier)
}

/// Returns true for an identifier of protobuf.
fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::DESCRIPTOR_SET;

    const AUTH: &str = "gatepost.auth.v1.AuthService";

    #[test]
    fn method_without_row_is_closed() {
        let policy = Policy::closed().with_health();
        assert_eq!(policy.find_rule("/a.B/C"), &Rule::Authenticated);
        assert_eq!(policy.find_rule("/grpc.health.v1.Health/Check"), &Rule::Public);
        assert_eq!(policy.find_rule("/grpc.health.v1.Health/check"), &Rule::Authenticated);
        for version in ["v1", "v1alpha"] {
            let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
            assert_eq!(policy.find_rule(&path), &Rule::Authenticated);
            assert_eq!(policy.clone().with_reflection().find_rule(&path), &Rule::Public);
        }
        assert_eq!(policy.find_rule("/grpc.health.v1.Health/Watch"), &Rule::Public);
    }

    #[test]
    fn service_rule_covers_methods_without_row() {
        let policy = Policy::closed().service("a.B", Rule::Optional).rule("/a.B/C", Rule::Public);
        assert_eq!(policy.find_rule("/a.B/C"), &Rule::Public);
        assert_eq!(policy.find_rule("/a.B/D"), &Rule::Optional);
        for path in ["/a.B2/D", "/a/D", "/a.B", "a.B/D", "/a.B/D/E"] {
            assert_eq!(policy.find_rule(path), &Rule::Authenticated, "{path}");
        }
        assert_eq!(Policy::closed().service(AUTH, Rule::Optional).check(DESCRIPTOR_SET, &[AUTH]), Ok(()));
        let unknown = Policy::closed().service(AUTH, Rule::Optional).service("a.B", Rule::Public);
        let error = PolicyError::Mismatch { without_row: vec![], without_method: vec!["a.B".into()] };
        assert_eq!(unknown.check(DESCRIPTOR_SET, &[AUTH]), Err(error));
    }

    #[test]
    fn malformed_row_is_an_error() {
        let paths = ["a.B/C", "/*", "/a.B/*", "/a.B", "/a.B/C/D", "/a.B/", "//C", "/a..B/C", "/a.B/C?", "", "/a.B/9"];
        for path in paths {
            let error = Policy::closed().rule(path, Rule::Public).check_rows().unwrap_err();
            assert_eq!(error, PolicyError::Rows([(path.to_owned(), RowFault::Path)].into()));
        }
        for name in ["/a.B", "a.B/", "a.*", "", "a..B"] {
            let error = Policy::closed().service(name, Rule::Public).check_rows().unwrap_err();
            assert_eq!(error, PolicyError::Rows([(name.to_owned(), RowFault::Service)].into()));
        }
        for rule in [Rule::role("Seller"), Rule::any_of(["a", "b,c"]), Rule::any_of([""; 0])] {
            let error = Policy::closed().rule("/a.B/C", rule).check_rows();
            assert!(matches!(error, Err(PolicyError::Rows(_))), "{error:?}");
        }
        let mended = Policy::closed().rule("/a.B/C", Rule::role("Seller")).rule("/a.B/C", Rule::role("seller"));
        assert_eq!(mended.check_rows(), Ok(()));
    }

    #[test]
    fn check_lists_missing_rows_and_missing_methods() {
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
    fn check_of_unknown_service_fails() {
        let unknown = Err(PolicyError::Services(vec!["gatepost.auth.v1.AuthServices".into()]));
        assert_eq!(Policy::closed().check(DESCRIPTOR_SET, &["gatepost.auth.v1.AuthServices"]), unknown);
    }
}
