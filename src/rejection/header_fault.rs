//! Faults of the header that carries a token. They help the client's author and reveal nothing about the token.

/// A header that can carry a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenHeader {
    /// `api-token`, or its binary twin `api-token-bin`.
    ApiToken,
    /// `authorization`, or its binary twin `authorization-bin`.
    Authorization,
}

/// A fault in the form of a token or of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFormFault {
    /// No header carries a token.
    #[error("there is no token")]
    Missing,
    /// The header is present and its token is empty.
    #[error("the token is empty")]
    Empty,
    /// `authorization` lacks the prefix `Bearer `, or `api-token` has it.
    #[error(r#"the scheme "Bearer" belongs in the header "authorization", not in the token"#)]
    BearerPrefix,
    /// The header has two values, equal or different.
    #[error("the header has two values")]
    TwoValues,
    /// `api-token` and `authorization` carry different tokens.
    #[error(r#"the headers "api-token" and "authorization" carry different tokens"#)]
    TwoTokens,
    /// The header is a binary one (`-bin`).
    #[error("the header is binary")]
    Binary,
    /// The token is longer than 4096 bytes.
    #[error("the token has more than 4096 bytes")]
    TooLong,
    /// The token has a non-ASCII byte.
    #[error("the token has a character that is not ASCII")]
    NotAscii,
    /// The token has a space or a control character.
    #[error("the token has a blank or a control character")]
    Malformed,
}

/// A header and its fault, as in `ErrorInfo.metadata` of a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderFault {
    /// The value of `header`.
    pub header: TokenHeader,
    /// The value of `fault`.
    pub fault: TokenFormFault,
}

impl TokenHeader {
    /// Returns the value of `header` in `ErrorInfo.metadata`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiToken => "api-token",
            Self::Authorization => "authorization",
        }
    }

    /// Returns the fault of a header value that is not a valid token. `max` is the maximum length in bytes.
    pub(crate) fn fault_of(self, value: &[u8], max: usize) -> HeaderFault {
        let has_prefix = value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "));
        self.with_fault(match value {
            [] => TokenFormFault::Empty,
            // The caller has removed the prefix of `authorization` once. A second prefix is part of the token.
            _ if has_prefix && matches!(self, Self::ApiToken) => TokenFormFault::BearerPrefix,
            _ if value.len() > max => TokenFormFault::TooLong,
            _ if !value.is_ascii() => TokenFormFault::NotAscii,
            _ => TokenFormFault::Malformed,
        })
    }

    /// Combines this header and a fault.
    pub(crate) const fn with_fault(self, fault: TokenFormFault) -> HeaderFault {
        HeaderFault { header: self, fault }
    }
}

impl TokenFormFault {
    /// Returns the value of `fault` in `ErrorInfo.metadata`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::BearerPrefix => "bearer_prefix",
            Self::TwoValues => "two_values",
            Self::TwoTokens => "two_tokens",
            Self::Binary => "binary",
            Self::TooLong => "too_long",
            Self::NotAscii => "not_ascii",
            Self::Malformed => "malformed",
        }
    }
}

impl HeaderFault {
    /// Returns true if the caller sent no token. Such a call is anonymous if the policy allows it.
    pub const fn is_missing(self) -> bool {
        match self.fault {
            TokenFormFault::Missing | TokenFormFault::Empty => true,
            // Schemes other than `Bearer` are not meant for the guard.
            TokenFormFault::BearerPrefix => matches!(self.header, TokenHeader::Authorization),
            _ => false,
        }
    }
}
