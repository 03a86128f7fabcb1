//! Errors of a policy.

use std::collections::BTreeMap;
use std::fmt::Display;

/// An error of a policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Malformed rows, by path or service.
    #[error("{}", listed(.0))]
    Rows(BTreeMap<String, RowFault>),
    /// The descriptor set cannot be decoded.
    #[error("the descriptors are not an encoded google.protobuf.FileDescriptorSet")]
    Descriptors,
    /// Services that the descriptor set lacks, as `package.Service`.
    #[error("the contract lacks these services: {0:?}")]
    Services(Vec<String>),
    /// The table and the contract name different methods.
    #[error("methods without a row: {without_row:?}; rows without a method: {without_method:?}")]
    Mismatch {
        /// Methods of the contract without a row in the table.
        without_row: Vec<String>,
        /// Rows of the table without a method in the contract.
        without_method: Vec<String>,
    },
    /// Methods without a valid rule in the contract, by path.
    #[error("{}", listed(.0))]
    Rules(BTreeMap<String, RuleFault>),
}

/// A fault of a row in the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// The path is not `/package.Service/Method`.
    #[error("is not a path: write /package.Service/Method")]
    Path,
    /// The name is not `package.Service`.
    #[error("is not a service: write package.Service")]
    Service,
    /// The role is not `[a-z][a-z0-9._-]{0,62}`.
    #[error("requires {0:?}, which is not a role: write [a-z][a-z0-9._-]{{0,62}}")]
    Role(String),
    /// The list of roles is empty.
    #[error("lists no roles, so it would refuse every call: name at least one")]
    NoRole,
}

/// A fault of a rule in the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFault {
    /// The option is absent.
    #[error("has no rule")]
    Absent,
    /// The option is empty: it has neither access nor role, or `ACCESS_UNSPECIFIED`.
    #[error("has an empty rule: set access or role")]
    Unspecified,
    /// The role is not `[a-z][a-z0-9._-]{0,62}`.
    #[error("requires {0:?}, which is not a role: write [a-z][a-z0-9._-]{{0,62}}")]
    Role(String),
    /// The option is present more than once, or has both an access and a role.
    #[error("has more than one rule")]
    Repeated,
    /// The option has a value that this version of the crate does not know.
    #[error("has a rule that this version of gatepost does not understand")]
    Unknown,
}

fn listed(faults: &BTreeMap<String, impl Display>) -> String {
    faults.iter().map(|(row, fault)| format!("{row:?} {fault}")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_listed_with_its_row() {
        let rows = [("/a.B", RowFault::Path), ("/a.B/C", RowFault::NoRole)].map(|(row, fault)| (row.to_owned(), fault));
        assert_eq!(
            PolicyError::Rows(rows.into()).to_string(),
            "\"/a.B\" is not a path: write /package.Service/Method; \"/a.B/C\" lists no roles, so it would refuse every \
             call: name at least one"
        );
        let rules = [("/a.B/C".to_owned(), RuleFault::Absent)].into();
        assert_eq!(PolicyError::Rules(rules).to_string(), "\"/a.B/C\" has no rule");
    }
}
