//! The `gatepost` command: both services in one process, or one of them, the demo, or what is done with their data.

mod backup;
mod copy;
mod demo;
mod pair;

use std::ffi::OsString;
use std::process::ExitCode;

use auth_service::keyring::KeysCommand;
use clap::{Parser, Subcommand};
use kit::Clock;
use kit::config::{Environment, parse};
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
    Auth(Box<auth_service::Flags>),
    /// Run the blog service alone
    Blog(blog_service::Flags),
    /// Play the whole story: each step as a grpcurl line and its answer, with a pair of its own or a running one
    Demo(DemoFlags),
    /// List the keys that sign tokens, let another one follow, kill one, or seal them anew
    Keys(KeysCommand),
    /// Copy the SQLite databases and the signing key into a new folder, while the services run
    Backup(BackupFlags),
    /// Put a backup where no data is; everybody has to log in again
    Restore(RestoreFlags),
    /// Move one service's database to another one, of either engine: all of it or nothing, verified
    Copy(CopyFlags),
}

/// The demo's own services log each refusal that the story provokes: without a setting, only warnings are shown.
fn quiet(name: &str) -> Option<OsString> {
    variable(name)
        .filter(|value| !value.is_empty())
        .or_else(|| (name == "RUST_LOG").then(|| "warn,gatepost::audit=off".into()))
}

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[tokio::main]
async fn main() -> ExitCode {
    let demo = std::env::args_os().nth(1).is_some_and(|command| command == "demo");
    let environment = Environment::new(if demo { quiet } else { variable });
    kit::process::run("gatepost", environment, async |signals| {
        let cli: Cli = parse(std::env::args_os(), environment, &[])?;
        match cli.command {
            None => Box::pin(pair::run(cli.pair, environment, signals)).await,
            Some(Command::Demo(flags)) => Box::pin(demo::run(flags, environment, signals)).await,
            Some(Command::Keys(keys)) => keys.run(environment, Clock::system()).await,
            Some(Command::Backup(flags)) => Box::pin(backup::backup(flags, Clock::system(), signals)).await,
            Some(Command::Restore(flags)) => Box::pin(backup::restore(flags, Clock::system(), signals)).await,
            Some(Command::Copy(flags)) => Box::pin(copy::run(flags, environment, signals)).await,
            Some(Command::Auth(flags)) => {
                match flags.command {
                    Some(auth_service::Command::Healthcheck(check)) => return Ok(check.run(flags.listen).await?),
                    Some(auth_service::Command::Keys(keys)) => return keys.run(environment, Clock::system()).await,
                    None => {}
                }
                let config = auth_service::Config::new(*flags, environment, Clock::system())?.bind_ops().await?;
                let listener = kit::config::bind("--listen (AUTH_LISTEN)", config.flags.listen).await?;
                Ok(Box::pin(auth_service::run(config, listener, signals)).await?)
            }
            Some(Command::Blog(flags)) => {
                if let Some(healthcheck::Command::Healthcheck(check)) = flags.command {
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
