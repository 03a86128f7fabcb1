//! Kinds of calls of a soak, and their mix.

use serde::Serialize;

use crate::drill::Random;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum SoakCall {
    /// `AuthService/Login`.
    Login,
    /// `AuthService/RefreshToken`.
    Refresh,
    /// `UserService/CreateUser`.
    SignUp,
    /// A revocation: of a session in one of five ways, or of an API key.
    Revoke,
    /// `ApiKeyService/CreateApiKey`.
    CreateKey,
    /// `UserService/GetMe`.
    GetMe,
    /// `TokenService/VerifyToken`, without a token of the caller.
    Verify,
    /// `TokenService/ListSigningKeys`, without a token.
    ListKeys,
    /// `PostService/GetPost`, with a token.
    GetPost,
    /// `PostService/GetPost`, with an API key.
    GetPostByKey,
    /// `PostService/GetPost`, without a token.
    GetPublic,
    /// `PostService/ListPosts`, with a token.
    ListPosts,
    /// `PostService/CreatePost`, with a `request_id`.
    CreatePost,
    /// `PostService/UpdatePost`.
    UpdatePost,
    /// `PostService/DeletePost`.
    DeletePost,
}

/// Calls that fail together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CallGroup {
    AuthReads,
    AuthWrites,
    GuardedReads,
    GuardedWrites,
    PublicReads,
}

/// The calls in a hundred. `CreateKey` is a part of some revocations.
const MIX: [(SoakCall, usize); 14] = [
    (SoakCall::Login, 1),
    (SoakCall::Refresh, 6),
    (SoakCall::SignUp, 1),
    (SoakCall::Revoke, 1),
    (SoakCall::GetMe, 8),
    (SoakCall::Verify, 9),
    (SoakCall::ListKeys, 3),
    (SoakCall::GetPost, 24),
    (SoakCall::GetPostByKey, 4),
    (SoakCall::GetPublic, 10),
    (SoakCall::ListPosts, 5),
    (SoakCall::CreatePost, 10),
    (SoakCall::UpdatePost, 10),
    (SoakCall::DeletePost, 8),
];

impl SoakCall {
    /// Returns a hundred calls in a random order.
    pub(super) fn deck(random: &mut Random) -> Vec<Self> {
        let mut deck: Vec<_> = MIX.iter().flat_map(|(call, count)| std::iter::repeat_n(*call, *count)).collect();
        deck.sort_by_cached_key(|_| random.number());
        deck
    }

    pub(super) fn group(self) -> CallGroup {
        match self {
            Self::GetMe => CallGroup::AuthReads,
            Self::Login | Self::Refresh | Self::SignUp | Self::Revoke | Self::CreateKey => CallGroup::AuthWrites,
            Self::GetPost | Self::GetPostByKey | Self::ListPosts => CallGroup::GuardedReads,
            Self::CreatePost | Self::UpdatePost | Self::DeletePost => CallGroup::GuardedWrites,
            Self::Verify | Self::ListKeys | Self::GetPublic => CallGroup::PublicReads,
        }
    }
}

impl CallGroup {
    /// Returns the name for the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AuthReads => "reads of the auth service",
            Self::AuthWrites => "writes of the auth service",
            Self::GuardedReads => "guarded reads",
            Self::GuardedWrites => "guarded writes",
            Self::PublicReads => "public reads",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deck_has_a_hundred_calls_in_seeded_order() {
        let deck = |seed| SoakCall::deck(&mut Random::new(seed));
        assert_eq!(deck(1).len(), 100);
        assert_eq!(deck(1), deck(1));
        assert_ne!(deck(1), deck(2));
    }
}
