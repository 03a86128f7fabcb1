//! What keeps a policy and a contract from fitting each other.

use std::collections::BTreeMap;

/// A policy that does not fit its contract.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
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

/// Why there is no rule to be read beside an RPC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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

fn listed(faults: &BTreeMap<String, RuleFault>) -> String {
    faults.iter().map(|(path, fault)| format!("{path} {fault}")).collect::<Vec<_>>().join("; ")
}
