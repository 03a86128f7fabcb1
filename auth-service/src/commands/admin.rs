//! `gatepost admin`: changes accounts on the database. Ids go to standard output, sentences to standard error.

mod account;
mod error;
mod password;

use std::error::Error;

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use kit::Clock;
use kit::config::ConfigError;
use kit::output;

pub use error::AdminError;

use account::OperatorAccounts;
use password::PasswordFlags;

use super::clock::{check, measured};
use super::database::DatabaseFlags;
use crate::domain::{Email, User, UserState};
use crate::store::AuthStore;

const HELP: &str = "\
The services may keep running; they apply a change within a second. Passwords are asked for at a terminal, or read from \
standard input or a file, never from an argument: `printf %s \"$PASSWORD\" | gatepost admin set-password EMAIL`. The log \
target gatepost::audit has a line for each change.";

/// Change accounts on the database of the auth service
#[derive(Clone, Debug, Args)]
#[command(after_help = HELP)]
pub struct AdminCommand {
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(subcommand)]
    action: AdminAction,
}

#[derive(Clone, Debug, Subcommand)]
enum AdminAction {
    /// Set a user's password, and end all sessions of the user
    SetPassword {
        /// The user's email address
        #[arg(value_name = "EMAIL")]
        email: String,
        #[command(flatten)]
        password: PasswordFlags,
    },
    /// Create a new user with the role admin
    Create {
        /// The new user's email address
        #[arg(value_name = "EMAIL")]
        email: String,
        /// The new user's name
        #[arg(long, default_value = "Admin")]
        name: String,
        #[command(flatten)]
        password: PasswordFlags,
    },
    /// Give a user the role admin, and enable the user if disabled
    Grant {
        /// The user's email address
        #[arg(value_name = "EMAIL")]
        email: String,
    },
}

impl AdminCommand {
    /// Runs the command. Prints the user's id to standard output.
    ///
    /// # Errors
    /// The error says what to do.
    pub async fn run(self, clock: Clock) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Self { database, action } = self;
        let leeway = database.clock().leeway()?;
        let url = database.url()?;
        let store = AuthStore::open_beside(&url).await?;
        let done = Box::pin(act_checked(&store, &clock, leeway, action)).await;
        store.close().await;
        done
    }
}

/// Runs the action if the clock is right, since each change writes its time.
async fn act_checked(
    store: &AuthStore,
    clock: &Clock,
    leeway: Option<TimeDelta>,
    action: AdminAction,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let clock = measured(store, clock).await?;
    check(&clock, leeway)?;
    act(OperatorAccounts { store, clock: &clock }, action).await
}

async fn act(accounts: OperatorAccounts<'_>, action: AdminAction) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (user, said) = match action {
        AdminAction::SetPassword { email, password } => {
            let user = accounts.set_password(&parse(&email)?, &password.read().await?, password.policy()).await?;
            (user, "The password is set, and all sessions of this user are ended.")
        }
        AdminAction::Create { email, name, password } => {
            let user = accounts.create(parse(&email)?, &name, &password.read().await?, password.policy()).await?;
            (user, "This user is an admin.")
        }
        AdminAction::Grant { email } => (accounts.grant(&parse(&email)?).await?, "This user is an admin."),
    };
    tell(&user, said);
    Ok(())
}

fn parse(email: &str) -> Result<Email, ConfigError> {
    Email::parse(email).map_err(|error| ConfigError::setting("EMAIL", error.to_string()))
}

/// Prints the result. A closed output is not a failure.
fn tell(user: &User, said: &str) {
    output::out(&user.id.to_string());
    output::err(said);
    if user.state == UserState::Disabled {
        output::err("The user is disabled and cannot log in: run `admin grant`, or let an admin enable the user.");
    }
}
