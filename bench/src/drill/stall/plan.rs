//! The plan of the drill.

use std::time::Duration;

use clap::ValueEnum;

/// The process that is stopped, and the load on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StallSubject {
    /// The auth service, which hashes passwords
    Logins,
    /// The auth service, under reads, writes and guarded calls
    Auth,
    /// The blog service, under reads and writes
    Blog,
    /// `PostgreSQL`, on which both services run
    Database,
}

/// Repetitions of failed calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RetryBehavior {
    /// A call is repeated if its status has `RetryInfo`, after the delay of `RetryInfo`
    Obeys,
    /// A failed call is repeated at once
    AtOnce,
}

/// The plan of the drill.
#[derive(Clone, Debug)]
pub struct StallPlan {
    /// The processes to stop, one after the other.
    pub subjects: Vec<StallSubject>,
    /// The behaviors of the clients; each process is stopped once for each.
    pub retries: Vec<RetryBehavior>,
    /// Time for which the process is stopped.
    pub stall: Duration,
    /// Time of the load before the stall, and time after it.
    pub around: Duration,
    /// Time after the stall until the goodput must be back.
    pub recovery: Duration,
    /// Least part of the goodput before the stall.
    pub goodput: f64,
}

impl StallSubject {
    /// All subjects.
    pub const ALL: [Self; 4] = [Self::Logins, Self::Auth, Self::Blog, Self::Database];

    /// Returns the calls, which are made in turns.
    pub(super) fn operations(self) -> &'static [StalledOperation] {
        use StalledOperation::{GetMe, ListPosts, Login, ReadPost, UpdateMe, WritePost};
        match self {
            Self::Logins => &[Login],
            Self::Auth => &[GetMe, ReadPost, UpdateMe, ReadPost],
            Self::Blog => &[ReadPost, WritePost, ReadPost, ListPosts],
            Self::Database => &[GetMe, WritePost, ReadPost, UpdateMe],
        }
    }

    /// Returns the process's share of a core, in thousandths. With a small share the clients have enough of the machine.
    pub(super) fn share(self) -> u32 {
        match self {
            Self::Logins => 1_000,
            Self::Auth | Self::Blog => 250,
            Self::Database => 100,
        }
    }

    /// Returns the name for the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Logins => "auth service, logins",
            Self::Auth => "auth service",
            Self::Blog => "blog service",
            Self::Database => "PostgreSQL",
        }
    }
}

impl RetryBehavior {
    /// All behaviors.
    pub const ALL: [Self; 2] = [Self::Obeys, Self::AtOnce];

    /// Returns the name for the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Obeys => "clients obey RetryInfo",
            Self::AtOnce => "clients retry at once",
        }
    }
}

/// A method that the clients call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StalledOperation {
    /// `AuthService/Login`.
    Login,
    /// `UserService/GetMe`.
    GetMe,
    /// `UserService/UpdateUser`.
    UpdateMe,
    /// `PostService/GetPost`.
    ReadPost,
    /// `PostService/CreatePost`.
    WritePost,
    /// `PostService/ListPosts`.
    ListPosts,
}

impl StalledOperation {
    /// Returns the client's deadline of an attempt. It is longer for a hash, which may have to wait for a core.
    pub(super) fn deadline(self) -> Duration {
        match self {
            Self::Login => Duration::from_secs(5),
            Self::UpdateMe | Self::WritePost => Duration::from_secs(2),
            Self::GetMe | Self::ReadPost | Self::ListPosts => Duration::from_secs(1),
        }
    }
}
