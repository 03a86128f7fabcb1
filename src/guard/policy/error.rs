//! What keeps a policy and a contract from fitting each other.

use std::collections::BTreeMap;
use std::fmt::Display;

/// A fault of a policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// These rows, by their path or service, are malformed.
    #[error("{}", listed(.0))]
    Rows(BTreeMap<String, RowFault>),
    /// The descriptor set cannot be read.
    #[error("this is no encoded google.protobuf.FileDescriptorSet")]
    Descriptors,
    /// The descriptor set does not have these services, named as `package.Service`.
    #[error("services that the contract does not have: {0:?}")]
    Services(Vec<String>),
    /// The table and the contract name different methods.
    #[error("methods without a row: {without_row:?}; rows without a method: {without_method:?}")]
    Mismatch {
        /// Methods of the contract that the table does not name.
        without_row: Vec<String>,
        /// Paths in the table that name no method.
        without_method: Vec<String>,
    },
    /// These methods, by path, have no rule beside them that is understood.
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
    /// This is not a role, which is `[a-z][a-z0-9._-]{0,62}`.
    #[error("asks for {0:?}, which is not a role: write [a-z][a-z0-9._-]{{0,62}}")]
    Role(String),
    /// The list of roles is empty.
    #[error("asks for one of no roles, so that no call would pass")]
    NoRole,
}

/// A fault of the rule beside an RPC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFault {
    /// The option is not there.
    #[error("has no rule")]
    Absent,
    /// The option is there, and says nothing: neither access nor role, or `ACCESS_UNSPECIFIED`.
    #[error("has a rule that says nothing")]
    Unspecified,
    /// This is no role, which is `[a-z][a-z0-9._-]{0,62}`.
    #[error("asks for {0:?}, which is no role")]
    Role(String),
    /// The option is there more than once, or has both an access and a role.
    #[error("has more than one rule")]
    Repeated,
    /// The option says what this version of the crate does not know.
    #[error("has a rule that is not understood")]
    Unknown,
}

fn listed(faults: &BTreeMap<String, impl Display>) -> String {
    faults.iter().map(|(row, fault)| format!("{row:?} {fault}")).collect::<Vec<_>>().join("; ")
}
