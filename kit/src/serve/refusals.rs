//! Statuses with which the server itself refuses a call, in the domain of its service.

use gatepost::status::Reason;
use tonic::Status;

use crate::failure;

/// Refusals of one service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusals {
    /// No room for the call.
    pub(super) overloaded: fn() -> Status,
    /// No processor time for the call.
    pub(super) saturated: fn() -> Status,
    /// Message above the limit.
    pub(super) too_large: fn() -> Status,
    /// Bytes that do not decode.
    pub(super) malformed: fn() -> Status,
}

impl Refusals {
    /// Returns the refusals in the domain of `R`.
    pub(super) fn new<R: Reason>() -> Self {
        Self {
            overloaded: failure::overloaded::<R>,
            saturated: failure::saturated::<R>,
            too_large: failure::too_large::<R>,
            malformed: failure::malformed::<R>,
        }
    }
}
