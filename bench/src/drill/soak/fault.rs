//! Faults of a soak: their names, and the databases with which each is possible.

use clap::ValueEnum;
use serde::Serialize;

use super::SoakDatabase;

/// A fault with a start and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoakFault {
    /// `kill -9` of an auth service, which is started again
    KillAuth,
    /// `kill -9` of the blog service, which is started again
    KillBlog,
    /// A stop of an auth service, and a start of the other program in its place: an upgrade, and the next time the way back
    ReplaceAuth,
    /// The same with the blog service
    ReplaceBlog,
    /// SIGSTOP of an auth service for 0.5 to 5 s
    PauseAuth,
    /// SIGSTOP of the blog service for 0.5 to 5 s
    PauseBlog,
    /// The guard's connections to the auth services are closed, also new ones, for 0.2 to 3 s
    CutGuard,
    /// No byte passes between the guard and the auth services for 0.2 to 3 s
    HoldGuard,
    /// 32 clients log in as unknown users as fast as they can for 2 to 5 s
    LoginFlood,
    /// `gatepost keys rotate`: no call may fail
    RotateKey,
    /// An operator's restart of PostgreSQL
    RestartPostgres,
    /// `kill -9` of all processes of PostgreSQL, which is started again
    KillPostgres,
    /// SIGSTOP of all processes of PostgreSQL for 0.5 to 4 s
    PausePostgres,
    /// All connections to PostgreSQL are closed, also new ones, for 0.2 to 3 s
    CutPostgres,
    /// The disk of the SQLite files is full for 1 to 4 s
    FullDisk,
}

impl SoakFault {
    /// Returns the faults that are possible with a database, and with another program or without one.
    pub fn possible(database: SoakDatabase, has_other_program: bool) -> Vec<Self> {
        let fits = |fault: &Self| match fault {
            Self::ReplaceAuth | Self::ReplaceBlog => has_other_program,
            Self::RestartPostgres | Self::KillPostgres | Self::PausePostgres | Self::CutPostgres => {
                database == SoakDatabase::Postgres
            }
            Self::FullDisk => database == SoakDatabase::Sqlite,
            _ => true,
        };
        Self::value_variants().iter().copied().filter(fits).collect()
    }

    /// Returns `true` if calls may fail during the fault.
    pub(super) fn may_fail_calls(self) -> bool {
        self != Self::RotateKey
    }

    /// Returns the name of the fault, as in the flag.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
