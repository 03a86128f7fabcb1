//! `audit`: reads the audit log.

mod list;
mod selection;
mod tail;

use clap::Subcommand;
use kit::cli::{CommandFailure, OutputFlags};
use kit::shutdown::Shutdown;

use super::client::Client;
use list::Period;
use selection::EventSelection;

/// Action of `audit`.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditAction {
    /// List events, newest first
    List {
        #[command(flatten)]
        selection: EventSelection,
        #[command(flatten)]
        period: Period,
        #[command(flatten)]
        form: OutputFlags,
    },
    /// Follow the events from now on, until Ctrl-C
    Tail {
        #[command(flatten)]
        selection: EventSelection,
        /// Continue after the event with this cursor, as --output json prints it
        #[arg(long)]
        cursor: Option<String>,
        #[command(flatten)]
        form: OutputFlags,
    },
}

impl AuditAction {
    /// Runs the command, until its end or the first signal. A signal is the normal end of `tail`.
    ///
    /// # Errors
    /// The error says what to do.
    pub(super) async fn run(
        self,
        client: &Client,
        stop: &Shutdown,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::List { selection, period, form } => {
                let list = Box::pin(list::list(client, selection, period, form.output));
                let stopped = || Err(CommandFailure::refused("stopped before the end of the list"));
                stop.run_until_cancelled(list).await.unwrap_or_else(stopped)?;
            }
            Self::Tail { selection, cursor, form } => {
                let cursor = cursor.unwrap_or_default();
                let tail = Box::pin(tail::tail(client, selection, cursor, form.output));
                stop.run_until_cancelled(tail).await.transpose()?;
            }
        }
        Ok(())
    }
}
