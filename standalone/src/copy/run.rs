//! The command: settings, the copy, and what is said in the end.

use std::error::Error;

use clap::{Args, ValueHint};
use db::DatabaseUrl;
use db::schema::Schema;
use kit::config::{Environment, boolean, check_encrypted};
use kit::shutdown::Shutdown;

use super::key::Key;
use super::say;
use super::source::Source;
use super::target::{Filled, Target};

/// What is copied, and to where.
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

/// The copy was told to stop.
#[derive(Debug, thiserror::Error)]
#[error("stopped by a signal: nothing is kept, and the same command can be run again")]
struct Stopped;

const SCHEMAS: [&Schema; 2] = [&auth_service::store::SCHEMA, &blog_service::store::SCHEMA];

/// Copies, and says how far it is on standard error; each table's rows and checksum go to standard output in the end.
pub(crate) async fn run(
    flags: CopyFlags,
    environment: Environment,
    shutdown: Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    for (name, url) in [("--from (GATEPOST_COPY_FROM)", &flags.from), ("--to (GATEPOST_COPY_TO)", &flags.to)] {
        check_encrypted(name, url.is_private(), flags.insecure, "--insecure")?;
    }
    let copied = shutdown.run_until_cancelled(Box::pin(fill(&flags, environment))).await;
    let (filled, service, key) = copied.ok_or(Stopped)??;
    // Before the commit: a database that counts has its key.
    key.write_file()?;
    let tables = filled.commit().await?;
    say::done(service, &tables, &flags.to, &key);
    Ok(())
}

async fn fill(
    flags: &CopyFlags,
    environment: Environment,
) -> Result<(Filled, &'static str, Key), Box<dyn Error + Send + Sync>> {
    let mut source = Source::open(&flags.from, &SCHEMAS).await?;
    let service = source.schema().service;
    let key = Key::choose(&mut source, &flags.from, &flags.to, environment).await?;
    let target = Target::open(&flags.to, &source, &SCHEMAS).await?;
    say::begin(service, &flags.from, &flags.to);
    let filled = target.fill(&mut source, &key.supplements(), &mut say::progress).await?;
    Ok((filled, service, key))
}
