//! `api-keys`: creates, changes, rotates and revokes API keys.

mod change;
mod create;
mod list;
mod row;

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use kit::Clock;
use kit::cli::{CommandFailure, OutputFlags};
use prost_types::Timestamp;

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
    /// Fails before any call if the command needs an answer that nobody can give.
    ///
    /// # Errors
    /// Names the flag that answers.
    pub(super) fn check(&self) -> Result<(), CommandFailure> {
        match self {
            Self::Rotate { consent, .. } | Self::Revoke { consent, .. } => consent.check(),
            _ => Ok(()),
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// Returns a text that says what to do.
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

/// Expiry of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expiry {
    /// The key never expires.
    Never,
    /// The key expires at this time.
    At(DateTime<Utc>),
    /// The key expires after this length of time.
    In(Duration),
}

impl Expiry {
    fn timestamp(self) -> Option<Timestamp> {
        let time = match self {
            Self::Never => return None,
            Self::At(time) => time,
            Self::In(length) => Clock::system().now() + length,
        };
        Some(Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos().cast_signed() })
    }
}

/// Parses an expiry, for clap.
fn expiry(text: &str) -> Result<Expiry, &'static str> {
    if text == "never" {
        return Ok(Expiry::Never);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Expiry::At(time.to_utc()));
    }
    let length = kit::config::duration(text).ok().filter(|length| *length < Duration::from_hours(24 * 365 * 1000));
    length.map(Expiry::In).ok_or("write a time such as 2027-01-31T08:00:00Z, a length of time such as 90d, or never")
}
