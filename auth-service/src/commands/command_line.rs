//! The command line of the single auth service.

use clap::{Parser, Subcommand};
use kit::cli::{CompletionsFlags, ManFlags, OutputFlags};
use kit::healthcheck::Healthcheck;

use super::{AdminCommand, KeysCommand};
use crate::config::AuthFlags;
use crate::console::ConsoleCommand;

// The help text is that of `AuthFlags`. The pair parses `Flags` without this command line.
/// The auth service: users, sessions, tokens and their introspection
#[derive(Clone, Debug, Parser)]
#[command(name = "auth-service", version, disable_help_subcommand = true)]
pub struct CommandLine {
    /// Settings of the service
    #[command(flatten)]
    pub flags: AuthFlags,
    /// Command to run instead of serving
    #[command(subcommand)]
    pub command: Option<AuthCommand>,
}

/// Command to run instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum AuthCommand {
    /// Ask the running service if it serves: exit code 0 if it does, 1 with a reason if not
    Healthcheck(Healthcheck),
    /// List, rotate, retire or reseal the signing keys
    Keys(KeysCommand),
    /// Print the settings in effect, each with its source; secrets as set or unset only
    Config(OutputFlags),
    /// Check settings, database, keys and accounts, and the service if it runs: exit code 0, or 1 if a check fails
    Doctor(OutputFlags),
    /// Set a password or create an admin on the database, if no admin can log in
    Admin(AdminCommand),
    /// Print the completion script for a shell
    Completions(CompletionsFlags),
    /// Print the manual page of a command, or write all pages into a folder
    Man(ManFlags),
    /// Commands on accounts, sessions and the audit log
    #[command(flatten)]
    Console(ConsoleCommand),
}

impl AuthCommand {
    /// Returns true if the command reads no settings from the environment, or only calls a running service.
    pub fn ignores_settings(&self) -> bool {
        matches!(self, Self::Healthcheck(_) | Self::Completions(_) | Self::Man(_))
    }
}
