//! The figures that `bench scale` measures.

use std::fmt;

use clap::ValueEnum;

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScaleFigure {
    /// `GetPost` with a random id, without the cache of posts
    GetPost,
    /// `ListPosts`: the first page
    ListFirst,
    /// `ListPosts`: a random page of the older half
    ListDeep,
    /// `ListPosts` by tag: a page of the posts with a tag that a tenth of the posts has
    ListByTag,
    /// `ListPosts` in the order of the titles
    ListByTitle,
    /// `GetUser` with a random id
    GetUser,
    /// `ListUsers` by role: a tenth of the users has it
    UsersByRole,
    /// `ListUsers` by state: a tenth of the users is disabled
    UsersByState,
    /// `ListUsers` by role and state: no user has both
    UsersByBoth,
    /// `ListSessions` of a user with many ended sessions: half as many as there are users, at most 500,000
    Sessions,
    /// `VerifyToken` with the tokens of random users
    Verify,
    /// `RefreshToken` of random users' sessions
    Refresh,
    /// `Login` of a random user
    Login,
    /// `GetPost` with a random id, with the cache of posts
    GetPostCached,
    /// Start with a long log of revocations
    Start,
    /// Migration of many sessions, and the reads meanwhile
    Migration,
    /// Sweep of many ended sessions, and the calls meanwhile
    Sweep,
    /// Guards that follow revocations
    Guards,
}

impl ScaleFigure {
    /// Returns true if the figure is a call that is measured at each size.
    pub(super) fn is_call(self) -> bool {
        !matches!(self, Self::Start | Self::Migration | Self::Sweep | Self::Guards)
    }

    /// Returns true if the goal for reads applies: the call reads rows by their key, or a page of them.
    pub(super) fn is_read(self) -> bool {
        self.is_call() && !matches!(self, Self::Verify | Self::Refresh | Self::Login | Self::GetPostCached)
    }

    /// Returns true if the blog answers the call.
    pub(super) fn is_of_blog(self) -> bool {
        matches!(
            self,
            Self::GetPost
                | Self::GetPostCached
                | Self::ListFirst
                | Self::ListDeep
                | Self::ListByTag
                | Self::ListByTitle
        )
    }
}

impl fmt::Display for ScaleFigure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        formatter.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
