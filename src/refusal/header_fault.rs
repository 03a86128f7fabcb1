//! Faults of the header that carries a token, named for the client's author without a word about the token itself.

/// A header that can carry a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenHeader {
    /// `api-token`, or its binary twin `api-token-bin`.
    ApiToken,
    /// `authorization`, or its binary twin `authorization-bin`.
    Authorization,
}

/// A fault in the form of a token, or of a header that carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No header carries a token.
    #[error("there is no token")]
    Missing,
    /// The header is there and its token has no characters.
    #[error("the token is empty")]
    Empty,
    /// `authorization` lacks the prefix `Bearer `, or `api-token` has it.
    #[error(r#"the scheme "Bearer" belongs into the header "authorization", and not into the token"#)]
    BearerPrefix,
    /// The header has two values, equal or not.
    #[error("the header has two values")]
    TwoValues,
    /// `api-token` and `authorization` carry different tokens.
    #[error(r#"the headers "api-token" and "authorization" carry different tokens"#)]
    TwoTokens,
    /// The header is a binary one (`-bin`).
    #[error("the header is binary")]
    Binary,
    /// The token has more than 4096 bytes.
    #[error("the token has more than 4096 bytes")]
    TooLong,
    /// The token has a byte that is not ASCII.
    #[error("the token has a character that is not ASCII")]
    NotAscii,
    /// The token has a blank or a control character.
    #[error("the token has a blank or a control character")]
    Malformed,
}

/// A header and its fault, as they stand in `ErrorInfo.metadata` of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderFault {
    /// `header`: where the fault is.
    pub header: TokenHeader,
    /// `fault`: what it is.
    pub fault: Fault,
}

impl TokenHeader {
    /// The header's name, as `ErrorInfo.metadata` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiToken => "api-token",
            Self::Authorization => "authorization",
        }
    }

    /// Names the fault of a value in this header that cannot be a token of at most `max` bytes.
    pub(crate) fn fault_of(self, value: &[u8], max: usize) -> HeaderFault {
        let has_prefix = value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "));
        self.has(match value {
            [] => Fault::Empty,
            // In `authorization` the prefix has been taken off once, and a second one is part of the token.
            _ if has_prefix && matches!(self, Self::ApiToken) => Fault::BearerPrefix,
            _ if value.len() > max => Fault::TooLong,
            _ if !value.is_ascii() => Fault::NotAscii,
            _ => Fault::Malformed,
        })
    }

    /// Returns this fault of this header.
    pub(crate) const fn has(self, fault: Fault) -> HeaderFault {
        HeaderFault { header: self, fault }
    }
}

impl Fault {
    /// The fault's name, as `ErrorInfo.metadata` has it.
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
    /// Tells whether the caller has sent no token at all. Such a call is anonymous where the policy allows it.
    pub const fn is_missing(self) -> bool {
        match self.fault {
            Fault::Missing | Fault::Empty => true,
            // A scheme other than `Bearer` is not for the guard.
            Fault::BearerPrefix => matches!(self.header, TokenHeader::Authorization),
            _ => false,
        }
    }
}
