//! Reasons to refuse a token.

/// Reason to refuse a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Malformed, of another issuer, for other services, or not valid yet.
    Invalid,
    /// Signed by this service, and past its lifetime.
    Expired,
}
