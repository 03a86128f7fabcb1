//! The commands that call the service, or its methods on the database.

use std::error::Error;

use clap::{Args, Subcommand};
use kit::cli::{CommandFailure, OutputFlags};
use kit::config::Environment;
use kit::shutdown::Shutdown;

use super::api_keys::ApiKeysAction;
use super::audit::AuditAction;
use super::client::Client;
use super::connection::{ConnectionFlags, Way};
use super::login::{LoginFlags, LogoutFlags, login, logout};
use super::token::TokenCommand;
use super::users::UsersAction;
use super::whoami::whoami;

/// Text below the help of each command.
const HELP: &str = "\
The commands call the service of --auth-url with the credential that `login` has stored, or with GATEPOST_TOKEN (also \
GATEPOST_TOKEN_FILE). While no service runs, --database-url or --data-dir selects its database. Exit codes: 0 done, 1 \
refused or failed, 2 wrong command line, 3 not found, 4 not logged in, 5 no answer or try again later.";

/// Command on accounts, sessions, API keys or the audit log.
#[derive(Clone, Debug, Subcommand)]
pub enum ConsoleCommand {
    /// List, create, change, help and delete users
    #[command(after_help = HELP)]
    Users(AccountCommand<UsersAction>),
    /// List, create, change, rotate and revoke API keys of services
    #[command(after_help = HELP)]
    ApiKeys(AccountCommand<ApiKeysAction>),
    /// Show or follow the audit log
    #[command(after_help = HELP)]
    Audit(AccountCommand<AuditAction>),
    /// Inspect a token: header, claims, times, and why a guard would refuse it
    Token(TokenCommand),
    /// Log in at a service, and store the credential for later commands
    #[command(after_help = HELP)]
    Login(LoginFlags),
    /// End the session of the stored login, and remove its credential
    #[command(after_help = HELP)]
    Logout(LogoutFlags),
    /// Show the caller as the service sees it
    #[command(after_help = HELP)]
    Whoami(WhoamiFlags),
}

/// Action with the flags of its connection.
#[derive(Clone, Debug, Args)]
pub struct AccountCommand<A: Subcommand> {
    #[command(flatten)]
    connection: ConnectionFlags,
    #[command(subcommand)]
    action: A,
}

/// Flags of `whoami`.
#[derive(Clone, Debug, Args)]
pub struct WhoamiFlags {
    #[command(flatten)]
    connection: ConnectionFlags,
    #[command(flatten)]
    form: OutputFlags,
}

/// Work of a command, once its client is open.
#[derive(Debug)]
pub(crate) enum ConsoleWork {
    Users(UsersAction),
    ApiKeys(ApiKeysAction),
    Audit(AuditAction),
    Whoami(OutputFlags),
}

/// Command that is ready to run.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// Work for a client, and the service or database that it calls.
    Work(ConsoleWork, Way),
    /// Command that opens its connection itself.
    Connecting(ConnectingCommand),
}

/// Command that opens its connection itself, without a stored login.
#[derive(Debug)]
pub(crate) enum ConnectingCommand {
    Login(LoginFlags),
    Logout(LogoutFlags),
    Token(TokenCommand),
}

impl ConsoleCommand {
    /// Checks the command line, and chooses a service or a database.
    ///
    /// # Errors
    /// The error says what to do.
    pub(crate) fn prepare(self, environment: Environment) -> Result<Prepared, Box<dyn Error + Send + Sync>> {
        Ok(match self {
            Self::Login(flags) => Prepared::Connecting(ConnectingCommand::Login(flags)),
            Self::Logout(flags) => Prepared::Connecting(ConnectingCommand::Logout(flags)),
            Self::Token(token) => Prepared::Connecting(ConnectingCommand::Token(token)),
            Self::Users(AccountCommand { connection, action }) => {
                action.check()?;
                Prepared::Work(ConsoleWork::Users(action), connection.way(environment)?)
            }
            Self::ApiKeys(AccountCommand { connection, action }) => {
                action.check()?;
                Prepared::Work(ConsoleWork::ApiKeys(action), connection.way(environment)?)
            }
            Self::Audit(AccountCommand { connection, action }) => {
                Prepared::Work(ConsoleWork::Audit(action), connection.way(environment)?)
            }
            Self::Whoami(WhoamiFlags { connection, form }) => {
                Prepared::Work(ConsoleWork::Whoami(form), connection.way(environment)?)
            }
        })
    }
}

impl ConsoleWork {
    /// Runs the work with this client, until its end or the first signal.
    ///
    /// # Errors
    /// The error says what to do.
    pub(crate) async fn run(self, client: &Client, stop: &Shutdown) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self {
            Self::Users(action) => until_stopped(Box::pin(action.run(client)), stop).await,
            Self::ApiKeys(action) => {
                let work = async { Ok(action.run(client).await?) };
                until_stopped(Box::pin(work), stop).await
            }
            Self::Audit(action) => Box::pin(action.run(client, stop)).await,
            Self::Whoami(form) => {
                let work = async { Ok(whoami(client, form.output).await?) };
                until_stopped(Box::pin(work), stop).await
            }
        }
    }
}

impl ConnectingCommand {
    /// Runs the command, until the end or the first signal.
    ///
    /// # Errors
    /// The error says what to do.
    pub(crate) async fn run(
        self,
        environment: Environment,
        stop: &Shutdown,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self {
            Self::Login(flags) => until_stopped(Box::pin(login(flags, environment)), stop).await,
            Self::Logout(flags) => until_stopped(Box::pin(logout(flags, environment)), stop).await,
            Self::Token(token) => until_stopped(Box::pin(token.run(environment)), stop).await,
        }
    }
}

async fn until_stopped(
    work: impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>>,
    stop: &Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stopped =
        || CommandFailure::refused("stopped before the end; a change that was sent may have been made").into();
    stop.run_until_cancelled(work).await.unwrap_or_else(|| Err(stopped()))
}
