//! Use cases in domain types: below the wire, above store, tokens, passwords, view and feed.

mod accounts;
mod attempts;
mod caller;
mod claim;
mod introspect;
mod issuing;
pub(crate) mod login;
mod parts;
pub(crate) mod password;
mod quotas;
pub(crate) mod refresh;
pub(crate) mod register;
mod revocations;
pub(crate) mod sessions;
pub(crate) mod users;
pub(crate) mod watch;

pub(crate) use accounts::accounts_of;
pub(crate) use attempts::Attempts;
pub(crate) use caller::Caller;
pub(crate) use introspect::{Introspector, TokenStatus};
pub(crate) use issuing::{Issuing, TokenPair};
pub(crate) use parts::App;
pub(crate) use quotas::Quotas;
pub(crate) use revocations::Revocations;
