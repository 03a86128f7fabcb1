//! Use cases in domain types: below the wire, above store, tokens, passwords, view and feed.

mod accounts;
pub(crate) mod attempts;
mod claim;
pub(crate) mod introspect;
pub(crate) mod login;
mod quotas;
pub(crate) mod refresh;
mod state;

pub(crate) use accounts::{Tried, accounts_of};
pub(crate) use quotas::{Quota, Quotas};
pub(crate) use state::{Lifetimes, State, TokenPair};
