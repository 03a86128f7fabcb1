//! The command line, and what it says: ids on standard output, sentences on standard error.

mod account;
mod error;
mod password;

use std::error::Error;
use std::path::PathBuf;

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
use crate::store::Store;

const HELP: &str = "\
The services may run, and learn of it within a second. A password is read from standard input or a file, never from an \
argument: `printf %s \"$PASSWORD\" | gatepost admin set-password EMAIL`. Each change is a line of the target gatepost::audit.";

/// The accounts of one auth service's database.
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
    /// Set a user's password, which ends all sessions of the user
    SetPassword {
        /// The user's email address
        #[arg(value_name = "EMAIL")]
        email: String,
        #[command(flatten)]
        password: PasswordFlags,
    },
    /// Make a new user who is an admin
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
    /// Make a user an admin, and let the user in again if disabled
    Grant {
        /// The user's email address
        #[arg(value_name = "EMAIL")]
        email: String,
    },
}

impl AdminCommand {
    /// Takes the pair's folder for the place of the database, if one is named.
    ///
    /// # Errors
    /// Fails if a database is named as well.
    pub fn in_folder(self, folder: Option<PathBuf>) -> Result<Self, ConfigError> {
        Ok(Self { database: self.database.in_folder(folder)?, ..self })
    }

    /// Does it; the user's id goes to standard output.
    ///
    /// # Errors
    /// An error that says what to do.
    pub async fn run(self, clock: Clock) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Self { database, action } = self;
        let leeway = database.clock().leeway()?;
        let url = database.url()?;
        let store = Store::open_beside(&url).await?;
        let done = Box::pin(act_checked(&store, &clock, leeway, action)).await;
        store.close().await;
        done
    }
}

/// Acts if the clock is right: each change has its time.
async fn act_checked(
    store: &Store,
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
            let user = accounts.set_password(&parse(&email)?, &password.read()?, password.policy()).await?;
            (user, "The password is set, and all sessions of this user are ended.")
        }
        AdminAction::Create { email, name, password } => {
            let user = accounts.create(parse(&email)?, &name, &password.read()?, password.policy()).await?;
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

/// Says what was done. A reader who has gone is no reason to fail.
fn tell(user: &User, said: &str) {
    output::out(&user.id.to_string());
    output::err(said);
    if user.state == UserState::Disabled {
        output::err("The user is disabled and cannot log in: `admin grant`, or an admin by EnableUser, changes that.");
    }
}
