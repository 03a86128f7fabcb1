//! The `gatepost` command: both services in one process or one of them, the demo, and commands on their data.

mod backup;
mod commands;
mod copy;
mod demo;
mod greeting;
mod pair;
mod place;

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use auth_service::{AdminCommand, CONSOLE_SECRETS, ConsoleCommand, KeysCommand};
use clap::{CommandFactory as _, Parser, Subcommand};
use kit::Clock;
use kit::cli::{CompletionsFlags, ManFlags};
use kit::config::{ConfigError, Environment, Invocation, KnownNames, Parsed, parse_with_settings, program};
use kit::output::LogFormat;
use kit::process::Process;

use crate::backup::{BackupFlags, RestoreFlags};
use crate::commands::{InspectFlags, Inspection, inspect_pair, reference};
use crate::copy::CopyFlags;
use crate::demo::DemoFlags;
use crate::pair::PairFlags;

const SETTINGS: &str = "\
The pair takes the other settings of both services (AUTH_ISSUER, AUTH_REGISTRATION, JWT_SECRET_KEY, BLOG_PUBLIC_READS, …) \
from the environment or --config FILE: `gatepost auth --help` and `gatepost blog --help` list them. The pair itself sets their addresses and \
databases (AUTH_LISTEN, AUTH_DATABASE_URL, BLOG_LISTEN, BLOG_DATABASE_URL, BLOG_AUTH_URL), its --shutdown-delay and its \
--log-format.";

/// Authentication for gRPC backends: an auth service and a guarded blog service, in one process.
#[derive(Debug, Parser)]
#[command(name = "gatepost", version, args_conflicts_with_subcommands = true, after_help = SETTINGS)]
struct Cli {
    #[command(subcommand)]
    command: Option<GatepostCommand>,
    #[command(flatten)]
    pair: PairFlags,
}

#[derive(Debug, Subcommand)]
enum GatepostCommand {
    /// Run the auth service alone
    Auth(Box<auth_service::CommandLine>),
    /// Run the blog service alone
    Blog(Box<blog_service::BlogFlags>),
    /// Run the demo: each step as a grpcurl line with its answer, against its own pair or a running one
    Demo(DemoFlags),
    /// List, rotate, retire or reseal the keys that sign tokens
    Keys(KeysCommand),
    /// Set a password or make an admin directly in the database, for an operator without an admin account
    Admin(AdminCommand),
    /// Copy the SQLite databases and the signing key into a new folder, while the services run
    Backup(BackupFlags),
    /// Restore a backup to a place without data; all users have to log in again
    Restore(RestoreFlags),
    /// Print the pair's settings in effect, each with its source; secrets as set or unset only
    Config(InspectFlags),
    /// Check the pair's settings, databases, keys and accounts, and the services if they run: exit code 0, or 1 if a check
    /// fails
    Doctor(InspectFlags),
    /// Commands on accounts, sessions and the audit log
    #[command(flatten)]
    Console(ConsoleCommand),
    /// Print the tables of all settings, for the documentation
    #[command(hide = true)]
    Reference,
    /// Copy one service's database to another one, of either engine: completely and verified, or not at all
    Copy(CopyFlags),
    /// Print the completion script for a shell
    Completions(CompletionsFlags),
    /// Print the manual page of a command, or write all pages into a folder
    Man(ManFlags),
}

/// Reads a variable for the demo. Without `RUST_LOG`, the services log only warnings, not each refusal in the demo.
fn demo_variable(name: &str) -> Option<OsString> {
    variable(name)
        .filter(|value| !value.is_empty())
        .or_else(|| (name == "RUST_LOG").then(|| "warn,gatepost::audit=off".into()))
}

impl Cli {
    /// Returns true if the command runs a service with settings from the environment.
    fn serves(&self) -> bool {
        match &self.command {
            None => true,
            Some(GatepostCommand::Auth(line)) => line.command.is_none(),
            Some(GatepostCommand::Blog(flags)) => flags.command.is_none(),
            Some(_) => false,
        }
    }

    /// Returns the form of the log: a command's own log is text.
    fn log_format(&self) -> LogFormat {
        match &self.command {
            None => self.pair.log_format,
            Some(GatepostCommand::Auth(line)) if self.serves() => line.flags.telemetry.log_format,
            Some(GatepostCommand::Blog(flags)) if self.serves() => flags.telemetry.log_format,
            Some(_) => LogFormat::Text,
        }
    }

    /// Returns true if the command reads no settings from the environment, or only calls a running service.
    fn ignores_settings(&self) -> bool {
        match &self.command {
            Some(
                GatepostCommand::Demo(_)
                | GatepostCommand::Reference
                | GatepostCommand::Completions(_)
                | GatepostCommand::Man(_),
            ) => true,
            Some(GatepostCommand::Auth(line)) => {
                line.command.as_ref().is_some_and(auth_service::AuthCommand::ignores_settings)
            }
            Some(GatepostCommand::Blog(flags)) => {
                matches!(flags.command, Some(blog_service::BlogCommand::Healthcheck(_)))
            }
            _ => false,
        }
    }
}

/// Refuses misspelled settings, and warns of unknown ones if a service starts.
fn check_names(cli: &Cli, known: &KnownNames, environment: Environment) -> Result<(), ConfigError> {
    match (cli.serves(), cli.ignores_settings()) {
        (true, _) => known.check_and_warn(environment),
        (false, true) => Ok(()),
        (false, false) => known.check(environment),
    }
}

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn main() -> ExitCode {
    let demo = std::env::args_os().nth(1).is_some_and(|command| command == "demo");
    let environment = Environment::new(if demo { demo_variable } else { variable })
        .listed_by(|| std::env::vars_os().map(|(name, _)| name).collect());
    let crates: &'static [&'static [&'static str]] = &[&["auth_service", "blog_service"], db::CRATES];
    kit::process::run("gatepost", crates, environment, async |process| {
        let secrets = auth_service::SECRETS.iter().chain(&CONSOLE_SECRETS).chain(&blog_service::SECRETS);
        let known = KnownNames::new(&Cli::command(), secrets);
        let invocation = Invocation::read(std::env::args_os(), environment, &known)?;
        Box::pin(run(&invocation, &known, process)).await.map_err(|error| invocation.locate(error))
    })
}

async fn run(
    invocation: &Invocation,
    known: &KnownNames,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let environment = invocation.environment;
    let Parsed { command: cli, settings }: Parsed<Cli> =
        parse_with_settings(invocation.args.iter().cloned(), environment, &[], db::shown_url)?;
    cli.log_format().set();
    check_names(&cli, known, environment)?;
    match cli.command {
        None => Box::pin(pair::run(cli.pair, environment, process)).await,
        Some(GatepostCommand::Demo(flags)) => Box::pin(demo::run(flags, environment, process.stop())).await,
        Some(GatepostCommand::Keys(command)) => command.run(environment, Clock::system()).await,
        Some(GatepostCommand::Admin(command)) => Box::pin(command.run(Clock::system())).await,
        Some(GatepostCommand::Console(command)) => {
            Box::pin(auth_service::run_console(command, environment, process.stop_or_hangup())).await
        }
        Some(GatepostCommand::Backup(flags)) => Box::pin(backup::backup(flags, Clock::system(), process.stop())).await,
        Some(GatepostCommand::Restore(flags)) => {
            Box::pin(backup::restore(flags, Clock::system(), process.stop())).await
        }
        Some(GatepostCommand::Copy(flags)) => Box::pin(copy::run(flags, environment, process.stop())).await,
        Some(GatepostCommand::Config(flags)) => {
            Box::pin(inspect_pair(Inspection::Config, flags, settings, invocation, &process.log())).await
        }
        Some(GatepostCommand::Doctor(flags)) => {
            Box::pin(inspect_pair(Inspection::Doctor, flags, settings, invocation, &process.log())).await
        }
        Some(GatepostCommand::Reference) => Ok(kit::cli::print(&reference(&Cli::command()))?),
        Some(GatepostCommand::Completions(completions)) => Ok(completions.run(program::<Cli>())?),
        Some(GatepostCommand::Man(man)) => man.run(program::<Cli>()),
        Some(GatepostCommand::Auth(line)) => {
            Box::pin(auth_service::run_command_line(*line, settings, invocation, process)).await
        }
        Some(GatepostCommand::Blog(flags)) => {
            Box::pin(blog_service::run_command_line(*flags, settings, invocation, process)).await
        }
    }
}
