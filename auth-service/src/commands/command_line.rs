//! The command line of the auth service alone.

use clap::{Parser, Subcommand};
use kit::healthcheck::Healthcheck;

use super::{AdminCommand, KeysCommand};
use crate::config::Flags;

// Its help is that of the flags, which are parsed alone by the pair.
/// The auth service: owns the users, issues tokens and says what they are worth.
#[derive(Clone, Debug, Parser)]
#[command(name = "auth-service", version, disable_help_subcommand = true)]
pub struct CommandLine {
    /// The settings of the service
    #[command(flatten)]
    pub flags: Flags,
    /// A task in place of serving
    #[command(subcommand)]
    pub command: Option<AuthCommand>,
}

/// A task in place of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum AuthCommand {
    /// Ask the running service whether it serves: exit code 0 if it does, 1 with a sentence if not
    Healthcheck(Healthcheck),
    /// List the keys that sign, let another one follow, kill some, or seal them anew
    Keys(KeysCommand),
    /// Set a password or make an admin on the database, for the operator who is locked out
    Admin(AdminCommand),
}
