//! The `gatepost` command: both services in one process, or one of them, the demo, or what is done with their data.

mod backup;
mod copy;
mod demo;
mod pair;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use auth_service::{AdminCommand, KeysCommand};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use kit::Clock;
use kit::config::{ConfigError, Environment, KnownNames, parse};
use kit::healthcheck;

use crate::backup::{BackupFlags, RestoreFlags};
use crate::copy::CopyFlags;
use crate::demo::DemoFlags;
use crate::pair::PairFlags;

const SETTINGS: &str = "\
The pair takes the other settings of both services (AUTH_ISSUER, AUTH_REGISTRATION, JWT_SECRET_KEY, BLOG_PUBLIC_READS, …) \
from the environment: `gatepost auth --help` and `gatepost blog --help` list them. Their places (AUTH_LISTEN, \
AUTH_DATABASE_URL, BLOG_LISTEN, BLOG_DATABASE_URL, BLOG_AUTH_URL) are the pair's own affair.";

/// Authentication for gRPC backends: an auth service and a guarded blog service, in one process.
#[derive(Debug, Parser)]
#[command(name = "gatepost", version, args_conflicts_with_subcommands = true, after_help = SETTINGS)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    pair: PairFlags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the auth service alone
    Auth(Box<auth_service::CommandLine>),
    /// Run the blog service alone
    Blog(blog_service::Flags),
    /// Play the whole story: each step as a grpcurl line and its answer, with a pair of its own or a running one
    Demo(DemoFlags),
    /// List the keys that sign tokens, let another one follow, kill some, or seal them anew
    Keys(InFolder<KeysCommand>),
    /// Set a password or make an admin on the database, for the operator who is locked out
    Admin(InFolder<AdminCommand>),
    /// Copy the SQLite databases and the signing key into a new folder, while the services run
    Backup(BackupFlags),
    /// Put a backup where no data is; everybody has to log in again
    Restore(RestoreFlags),
    /// Move one service's database to another one, of either engine: all of it or nothing, verified
    Copy(CopyFlags),
}

/// A command on the auth service's database, which the pair keeps in its folder.
#[derive(Debug, Args)]
struct InFolder<C: Args> {
    /// The pair's folder, in place of --database-url
    // Under another id than the pair's own flag, whose default would be taken for it.
    #[arg(
        long = "data-dir",
        global = true,
        env = "GATEPOST_DATA_DIR",
        value_name = "DATA_DIR",
        hide_env_values = true
    )]
    folder: Option<PathBuf>,
    #[command(flatten)]
    command: C,
}

/// The demo's own services log each refusal that the story provokes: without a setting, only warnings are shown.
fn quiet(name: &str) -> Option<OsString> {
    variable(name)
        .filter(|value| !value.is_empty())
        .or_else(|| (name == "RUST_LOG").then(|| "warn,gatepost::audit=off".into()))
}

impl Cli {
    /// Returns true if a service is to run, whose settings the environment has.
    fn serves(&self) -> bool {
        match &self.command {
            None => true,
            Some(Command::Auth(line)) => line.command.is_none(),
            Some(Command::Blog(flags)) => flags.command.is_none(),
            Some(_) => false,
        }
    }

    /// Returns true if the command takes no settings from the environment, or only asks a service that runs with them.
    fn takes_none(&self) -> bool {
        match &self.command {
            Some(Command::Demo(_)) => true,
            Some(Command::Auth(line)) => matches!(line.command, Some(auth_service::AuthCommand::Healthcheck(_))),
            Some(Command::Blog(flags)) => flags.command.is_some(),
            _ => false,
        }
    }
}

/// Refuses variables that are nearly settings, and warns of others where a service starts.
fn check_names(cli: &Cli, environment: Environment) -> Result<(), ConfigError> {
    let known = KnownNames::new(&Cli::command(), auth_service::SECRETS.iter().chain(&blog_service::SECRETS));
    match (cli.serves(), cli.takes_none()) {
        (true, _) => known.check_and_warn(environment),
        (false, true) => Ok(()),
        (false, false) => known.check(environment),
    }
}

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[tokio::main]
async fn main() -> ExitCode {
    let demo = std::env::args_os().nth(1).is_some_and(|command| command == "demo");
    let environment = Environment::new(if demo { quiet } else { variable })
        .listed_by(|| std::env::vars_os().map(|(name, _)| name).collect());
    kit::process::run("gatepost", &[&["auth_service", "blog_service"], db::CRATES], environment, async |signals| {
        let cli: Cli = parse(std::env::args_os(), environment, &[])?;
        check_names(&cli, environment)?;
        match cli.command {
            None => Box::pin(pair::run(cli.pair, environment, signals)).await,
            Some(Command::Demo(flags)) => Box::pin(demo::run(flags, environment, signals)).await,
            Some(Command::Keys(InFolder { folder, command })) => {
                command.in_folder(folder)?.run(environment, Clock::system()).await
            }
            Some(Command::Admin(InFolder { folder, command })) => {
                Box::pin(command.in_folder(folder)?.run(Clock::system())).await
            }
            Some(Command::Backup(flags)) => Box::pin(backup::backup(flags, Clock::system(), signals)).await,
            Some(Command::Restore(flags)) => Box::pin(backup::restore(flags, Clock::system(), signals)).await,
            Some(Command::Copy(flags)) => Box::pin(copy::run(flags, environment, signals)).await,
            Some(Command::Auth(line)) => {
                let auth_service::CommandLine { flags, command } = *line;
                match command {
                    Some(auth_service::AuthCommand::Healthcheck(check)) => return Ok(check.run(flags.listen).await?),
                    Some(auth_service::AuthCommand::Keys(keys)) => return keys.run(environment, Clock::system()).await,
                    Some(auth_service::AuthCommand::Admin(admin)) => return Box::pin(admin.run(Clock::system())).await,
                    None => {}
                }
                let config = auth_service::Config::new(flags, environment, Clock::system())?.bind_ops().await?;
                let listener = kit::config::bind("--listen (AUTH_LISTEN)", config.flags.listen).await?;
                Ok(Box::pin(auth_service::run(config, listener, signals)).await?)
            }
            Some(Command::Blog(flags)) => {
                if let Some(healthcheck::HealthcheckCommand::Healthcheck(check)) = flags.command {
                    return Ok(check.run(flags.listen).await?);
                }
                let config = blog_service::Config::new(flags, environment, Clock::system())?.bind_ops().await?;
                let listener = kit::config::bind("--listen (BLOG_LISTEN)", config.flags.listen).await?;
                Ok(Box::pin(blog_service::run(config, listener, signals)).await?)
            }
        }
    })
    .await
}
