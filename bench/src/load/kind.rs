//! The kinds of calls that `bench load` measures.

use std::fmt;

use clap::ValueEnum;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MeasuredCall {
    /// Health check of the auth service: the limit for its calls
    Check,
    /// Health check of the blog service: the limit for its calls
    CheckBlog,
    /// `VerifyToken` of a server that answers a constant: the limit for messages of this size
    Echo,
    /// `VerifyToken` with one token
    Verify,
    /// `VerifyToken`, each call with a token that the service has not seen
    VerifyCold,
    /// `GetPost` with a token
    Get,
    /// `GetPost` without a token, from a blog that lets everyone read
    GetPublic,
    /// `ListPosts`: the first page
    List,
    /// `BatchGetPosts` with random ids
    Batch,
    /// `CreatePost`
    Create,
    /// `Login`
    Login,
    /// `RefreshToken`
    Refresh,
}

/// A server that answers calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadServer {
    Auth,
    Blog,
    PublicBlog,
    Echo,
}

impl MeasuredCall {
    /// Returns the server that answers these calls.
    pub(super) fn server(self) -> LoadServer {
        match self {
            Self::Check | Self::Verify | Self::VerifyCold | Self::Login | Self::Refresh => LoadServer::Auth,
            Self::CheckBlog | Self::Get | Self::List | Self::Batch | Self::Create => LoadServer::Blog,
            Self::GetPublic => LoadServer::PublicBlog,
            Self::Echo => LoadServer::Echo,
        }
    }

    /// Returns true if the calls read existing posts.
    pub(super) fn reads_posts(self) -> bool {
        matches!(self, Self::Get | Self::GetPublic | Self::List | Self::Batch)
    }

    /// Returns true if h2load can repeat the call: its request is always the same, and needs no token in a header.
    pub(super) fn suits_h2load(self) -> bool {
        matches!(self, Self::Check | Self::Verify)
    }
}

impl fmt::Display for MeasuredCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        formatter.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
