//! `api-keys`: creates, changes, rotates and revokes API keys.

mod change;
mod create;
mod expiry;
mod list;
mod row;

use clap::{Args, Subcommand};
use kit::cli::{CommandFailure, OutputFlags};

use super::ask::Consent;
use super::client::Client;
use change::{KeyChange, Overlap};
use create::NewKey;

/// Action of `api-keys`.
#[derive(Clone, Debug, Subcommand)]
pub enum ApiKeysAction {
    /// List the keys, newest first, with expired and revoked ones
    List(OutputFlags),
    /// Show a key
    Show {
        #[command(flatten)]
        key: NamedKey,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Create a key, and print its secret: the only output that has it
    Create {
        #[command(flatten)]
        key: NewKey,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Change the name, the roles or the expiry of a key
    Update {
        #[command(flatten)]
        key: NamedKey,
        #[command(flatten)]
        change: KeyChange,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Print a new secret; earlier ones stay valid for an hour, or for --overlap
    Rotate {
        #[command(flatten)]
        key: NamedKey,
        #[command(flatten)]
        overlap: Overlap,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Revoke a key for good
    Revoke {
        #[command(flatten)]
        key: NamedKey,
        #[command(flatten)]
        consent: Consent,
    },
}

/// Argument that names a key.
#[derive(Clone, Debug, Args)]
pub struct NamedKey {
    /// Id of the key, as `list` prints it
    #[arg(value_name = "ID")]
    id: String,
}

impl ApiKeysAction {
    /// Fails before any call if the command needs a confirmation and cannot ask for it.
    ///
    /// # Errors
    /// The error names the flag that confirms.
    pub(super) fn check(&self) -> Result<(), CommandFailure> {
        match self {
            Self::Rotate { consent, .. } | Self::Revoke { consent, .. } => consent.check(),
            _ => Ok(()),
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// The error says what to do.
    pub(super) async fn run(self, client: &Client) -> Result<(), CommandFailure> {
        match self {
            Self::List(form) => list::list(client, form.output).await,
            Self::Show { key, form } => list::show(client, key.id, form.output).await,
            Self::Create { key, form } => create::create(client, key, form.output).await,
            Self::Update { key, change, form } => change::update(client, key.id, change, form.output).await,
            Self::Rotate { key, overlap, consent, form } => {
                change::rotate(client, key.id, overlap, consent, form.output).await
            }
            Self::Revoke { key, consent } => change::revoke(client, key.id, consent).await,
        }
    }
}
