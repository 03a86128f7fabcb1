//! `users`: reads and changes accounts.

mod change;
mod create;
mod list;
mod roles;
mod sessions;

use clap::{Args, Subcommand};
use kit::cli::{CommandFailure, OutputFlags};

use super::account::{USER_HELP, find_user};
use super::ask::{Consent, PasswordSource};
use super::client::Client;
use super::record::print_record;
use super::rows::UserRow;

use create::NewAccount;
use list::UserSelection;
use roles::RoleChange;
use sessions::SessionChange;

/// Action of `users`.
#[derive(Clone, Debug, Subcommand)]
pub enum UsersAction {
    /// List users, newest first
    List {
        #[command(flatten)]
        selection: UserSelection,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Show a user with the roles, the last login and a lock
    Show {
        #[command(flatten)]
        user: NamedUser,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Create a user; the password is asked for, or read from standard input
    Create {
        #[command(flatten)]
        account: NewAccount,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Set a user's password, end all sessions of the user, and unlock the account
    SetPassword {
        #[command(flatten)]
        user: NamedUser,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        consent: Consent,
    },
    /// Print a one-time code, with which the user sets a new password within 15 minutes
    Reset {
        #[command(flatten)]
        user: NamedUser,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Clear the count of a user's wrong passwords, so that the next login is not refused because of it
    Unlock {
        #[command(flatten)]
        user: NamedUser,
    },
    /// Block a user's logins and end all sessions of the user
    Disable {
        #[command(flatten)]
        user: NamedUser,
        #[command(flatten)]
        consent: Consent,
    },
    /// Let a disabled user log in again
    Enable {
        #[command(flatten)]
        user: NamedUser,
    },
    /// Show a user's roles, or change them
    Roles {
        #[command(flatten)]
        user: NamedUser,
        #[command(flatten)]
        change: RoleChange,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// List a user's sessions, or end them
    Sessions {
        #[command(flatten)]
        user: NamedUser,
        #[command(flatten)]
        change: SessionChange,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Erase a user; posts stay, and the audit log shows a pseudonym
    Delete {
        #[command(flatten)]
        user: NamedUser,
        #[command(flatten)]
        consent: Consent,
    },
}

/// Argument that names a user.
#[derive(Clone, Debug, Args)]
pub struct NamedUser {
    #[arg(value_name = "USER", help = USER_HELP)]
    user: String,
}

impl UsersAction {
    /// Fails before any call if the command needs a confirmation and cannot ask for it.
    ///
    /// # Errors
    /// The error names the flag that confirms.
    pub(super) fn check(&self) -> Result<(), CommandFailure> {
        match self {
            Self::SetPassword { consent, .. }
            | Self::Reset { consent, .. }
            | Self::Disable { consent, .. }
            | Self::Delete { consent, .. } => consent.check(),
            Self::Sessions { change, consent, .. } if change.ends_sessions() => consent.check(),
            _ => Ok(()),
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// The error says what to do.
    pub(super) async fn run(self, client: &Client) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::List { selection, form } => list::list(client, selection, form.output).await?,
            Self::Show { user, form } => {
                print_record(&UserRow::new(find_user(client, &user.user).await?), form.output)?;
            }
            Self::Create { account, form } => create::create(client, account, form.output).await?,
            Self::SetPassword { user, password, consent } => {
                change::set_password(client, &user.user, &password, consent).await?;
            }
            Self::Reset { user, consent, form } => change::reset(client, &user.user, consent, form.output).await?,
            Self::Unlock { user } => change::unlock(client, &user.user).await?,
            Self::Disable { user, consent } => change::disable(client, &user.user, consent).await?,
            Self::Enable { user } => change::enable(client, &user.user).await?,
            Self::Roles { user, change, form } => roles::roles(client, &user.user, change, form.output).await?,
            Self::Sessions { user, change, consent, form } => {
                sessions::sessions(client, &user.user, change, consent, form.output).await?;
            }
            Self::Delete { user, consent } => change::delete(client, &user.user, consent).await?,
        }
        Ok(())
    }
}
