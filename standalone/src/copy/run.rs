//! The command `gatepost copy`.

use std::error::Error;

use clap::{Args, ValueHint};
use db::DatabaseUrl;
use db::schema::Schema;
use kit::config::{Environment, InsecureSwitch, boolean, check_encrypted};
use kit::shutdown::Shutdown;

use super::key::SigningKeyTransfer;
use super::say;
use super::source::CopySource;
use super::target::{CopyTarget, FilledTarget};

/// Flags of `gatepost copy`.
#[derive(Clone, Debug, Args)]
#[command(after_help = say::HELP)]
pub(crate) struct CopyFlags {
    /// The database of one service, whose processes are stopped: sqlite:PATH or postgres://…; `GATEPOST_COPY_FROM_FILE`: a file that holds it
    #[arg(long, env = "GATEPOST_COPY_FROM", value_name = "URL", hide_env_values = true, value_hint = ValueHint::Url)]
    from: DatabaseUrl,
    /// The database to fill, which must be empty: sqlite:PATH or postgres://…; `GATEPOST_COPY_TO_FILE`: a file that holds it
    #[arg(long, env = "GATEPOST_COPY_TO", value_name = "URL", hide_env_values = true, value_hint = ValueHint::Url)]
    to: DatabaseUrl,
    /// Allow plaintext to a database beyond loopback
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          value_parser = boolean)]
    insecure: bool,
}

/// Error of a copy that a signal stopped.
#[derive(Debug, thiserror::Error)]
#[error("stopped by a signal: nothing is kept, and the same command can be run again")]
struct CopyStopped;

const SCHEMAS: [&Schema; 2] = [&auth_service::store::SCHEMA, &blog_service::store::SCHEMA];

/// Copies a database. Progress goes to standard error; rows and checksum of each table go to standard output at the end.
pub(crate) async fn run(
    flags: CopyFlags,
    environment: Environment,
    shutdown: Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let switch = InsecureSwitch { name: "--insecure", is_on: flags.insecure };
    for (name, url) in [("--from (GATEPOST_COPY_FROM)", &flags.from), ("--to (GATEPOST_COPY_TO)", &flags.to)] {
        check_encrypted(name, url.is_private(), switch)?;
    }
    let copied = shutdown.run_until_cancelled(Box::pin(fill(&flags, environment))).await;
    let (filled, service, key) = copied.ok_or(CopyStopped)??;
    // Before the commit, so that a committed database has its key.
    key.write_file()?;
    let tables = filled.commit().await?;
    say::done(service, &tables, &flags.to, &key);
    Ok(())
}

async fn fill(
    flags: &CopyFlags,
    environment: Environment,
) -> Result<(FilledTarget, &'static str, SigningKeyTransfer), Box<dyn Error + Send + Sync>> {
    let mut source = CopySource::open(&flags.from, &SCHEMAS).await?;
    let service = source.schema().service;
    let key = SigningKeyTransfer::choose(&mut source, &flags.from, &flags.to, environment).await?;
    let target = CopyTarget::open(&flags.to, &source, &SCHEMAS).await?;
    say::begin(service, &flags.from, &flags.to);
    let filled = target.fill(&mut source, &key.supplements(), &mut say::progress).await?;
    Ok((filled, service, key))
}
