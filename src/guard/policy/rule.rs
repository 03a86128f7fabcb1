//! The rule of a method.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::RowFault;
use crate::guard::{Identity, SubjectKind};

/// The requirement of a method for its caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// No requirement: the guard ignores the token.
    Public,
    /// A valid token, or none: the caller is then anonymous. A bad token is refused.
    Optional,
    /// A valid token.
    #[default]
    Authenticated,
    /// A valid token of a subject with at least one of these roles; see [`Rule::any_of`].
    AnyRole(Vec<Cow<'static, str>>),
    /// A valid token of another service: a service key.
    Service,
    /// A valid token of a bearer that passes a predicate; see [`Rule::when`].
    When(Predicate),
}

/// A predicate on the caller; [`Rule::when`] makes one.
#[derive(Clone)]
pub struct Predicate(Arc<dyn Fn(&Identity) -> bool + Send + Sync>);

impl Rule {
    /// Requires a valid token of a subject with this role, `[a-z][a-z0-9._-]{0,62}`.
    pub fn role(name: impl Into<Cow<'static, str>>) -> Self {
        Self::AnyRole(vec![name.into()])
    }

    /// Requires a valid token of a subject with at least one of these roles.
    ///
    /// ```
    /// # use gatepost::Rule;
    /// let rule = Rule::any_of(["seller", "admin"]);
    /// ```
    pub fn any_of<N: Into<Cow<'static, str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::AnyRole(names.into_iter().map(Into::into).collect())
    }

    /// Requires the token of another service: a service key of the auth service.
    pub const fn service() -> Self {
        Self::Service
    }

    /// Requires a valid token of a bearer that passes this predicate. The predicate runs at each call and must not block.
    ///
    /// ```
    /// # use gatepost::Rule;
    /// let rule = Rule::when(|caller| caller.has_role("seller") && caller.session.is_some());
    /// ```
    pub fn when(test: impl Fn(&Identity) -> bool + Send + Sync + 'static) -> Self {
        Self::When(Predicate(Arc::new(test)))
    }

    /// Returns true if the bearer of a valid token may call the method.
    pub(in crate::guard) fn admits(&self, caller: &Identity) -> bool {
        match self {
            Self::Public | Self::Optional | Self::Authenticated => true,
            Self::AnyRole(names) => names.iter().any(|name| caller.has_role(name)),
            Self::Service => caller.kind == SubjectKind::Service,
            Self::When(Predicate(test)) => test(caller),
        }
    }

    /// Returns the fault of a malformed rule.
    pub(super) fn fault(&self) -> Option<RowFault> {
        let Self::AnyRole(names) = self else { return None };
        if names.is_empty() {
            return Some(RowFault::NoRole);
        }
        names.iter().find(|name| !is_role(name)).map(|name| RowFault::Role(name.to_string()))
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Predicate")
    }
}

/// Equal if both are clones of the same predicate.
impl PartialEq for Predicate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Predicate {}

/// Returns true for a valid role name, `[a-z][a-z0-9._-]{0,62}`.
pub(super) fn is_role(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= 63
        && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_admits_only_its_callers() {
        let seller = Identity::user("ada").role("seller");
        let (user, service) = (Identity::user("bob"), Identity::service("shop"));
        for (rule, admitted) in [
            (Rule::Authenticated, [true, true, true]),
            (Rule::role("seller"), [true, false, false]),
            (Rule::any_of(["admin", "seller"]), [true, false, false]),
            (Rule::service(), [false, false, true]),
            (Rule::when(|caller| caller.subject == "bob"), [false, true, false]),
        ] {
            assert_eq!([&seller, &user, &service].map(|caller| rule.admits(caller)), admitted, "{rule:?}");
        }
    }

    #[test]
    fn predicate_equals_its_clones_and_is_not_shown() {
        let rule = Rule::when(|caller| caller.subject == "bob");
        assert_eq!(rule, rule.clone());
        assert_ne!(rule, Rule::when(|caller| caller.subject == "bob"));
        assert_eq!(format!("{rule:?}"), "When(Predicate)");
    }
}
