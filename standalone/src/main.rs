//! The `gatepost` command: both services in one process, or one of them.

mod pair;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kit::Clock;
use kit::config::{Environment, parse};

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
    service: Option<Service>,
    #[command(flatten)]
    pair: PairFlags,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// Run the auth service alone
    Auth(auth_service::Flags),
    /// Run the blog service alone
    Blog(blog_service::Flags),
}

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
async fn main() -> ExitCode {
    let environment = Environment::new(|name| std::env::var_os(name));
    kit::process::run("gatepost", environment, async |signals| {
        let cli: Cli = parse(std::env::args_os(), environment, &[])?;
        match cli.service {
            None => Box::pin(pair::run(cli.pair, environment, signals)).await,
            Some(Service::Auth(flags)) => {
                let config = auth_service::Config::new(flags, environment, Clock::system())?;
                let listener = kit::config::bind("--listen (AUTH_LISTEN)", config.flags.listen).await?;
                Ok(auth_service::run(config, listener, signals).await?)
            }
            Some(Service::Blog(flags)) => {
                let config = blog_service::Config::new(flags, environment, Clock::system())?;
                let listener = kit::config::bind("--listen (BLOG_LISTEN)", config.flags.listen).await?;
                Ok(blog_service::run(config, listener, signals).await?)
            }
        }
    })
    .await
}
