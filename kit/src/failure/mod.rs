//! Statuses that all services share for the same failures, each in its own domain.

mod call;
mod fields;
mod internal;
mod reasons;
mod store;

pub use call::{
    deadline, malformed, not_found, overloaded, page_token, request_id_reused, saturated, stale, too_large,
    unknown_compression, unknown_method,
};
pub use fields::{BadFields, Violation, both, invalid_fields};
pub use internal::{internal, panicked};
pub use reasons::REASONS;
#[cfg(test)]
pub(crate) use reasons::Sample;
pub(crate) use reasons::UNIMPLEMENTED;
pub use store::{StoreFailure, outcome_unknown, store, store_unavailable};
