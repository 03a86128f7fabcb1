//! Pooler: PgBouncer in session mode, under load and with frozen replicas. Also its other modes, which a start refuses.

use std::path::Path;
use std::time::Duration;

use testkit::postgres::{Bouncer, PostgresServer};
use tokio::time::{Instant, sleep};
use tonic::Code;

use super::FieldFigures;
use super::frozen::{self, FreezeResult};
use crate::Failure;
use crate::drill::postgres::database;
use crate::drill::{Broken, DRILL_SETTINGS, DrillCallers, DrillClient, Report};
use crate::process::{Process, Setup};
use crate::services::Services;

/// The longest time until another mode is refused.
const MAX_REFUSAL_TIME: Duration = Duration::from_secs(5);

/// The message of a service about another mode.
const REFUSAL_MESSAGE: &str = "behind a pooler in transaction mode";

/// Tries each mode, and freezes one of two replicas this many times.
///
/// # Errors
/// Fails if the scenario itself cannot continue.
pub(super) async fn run(program: &Path, freezes: usize, length: Duration, seed: u64) -> Result<FieldFigures, Failure> {
    let server = PostgresServer::start().await?;
    let mut report = Report::default();
    let session = [
        "pool_mode = session",
        "default_pool_size = 80",
        "max_client_conn = 400",
        // Older programs need this setting.
        "ignore_startup_parameters = extra_float_digits, options",
    ];
    let Some(bouncer) = Bouncer::start(&server, &session).await else {
        report.row("pooler", "not run: pgbouncer is not installed");
        return Ok(report.into());
    };
    load(&mut report, program, &server, &bouncer, length, seed).await?;
    let url = bouncer.url(&database(&server).await?);
    let FreezeResult { figures, held_up } = frozen::freeze(program, &url, freezes, seed).await?;
    report.lines.extend(figures.lines);
    report.broken.extend(figures.broken);
    if held_up > 0 {
        let found = format!("{held_up} of {freezes}");
        report.broken.push(Broken::new("a frozen replica behind a pooler delays no revocation by 150 ms", found));
    }
    for mode in ["transaction", "statement"] {
        refuse(&mut report, program, &server, mode).await?;
    }
    Ok(report.into())
}

/// Calls both services behind the pooler for a while.
async fn load(
    report: &mut Report,
    program: &Path,
    server: &PostgresServer,
    bouncer: &Bouncer,
    length: Duration,
    seed: u64,
) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let urls = [bouncer.url(&database(server).await?), bouncer.url(&database(server).await?)];
    let [auth, blog] = urls.each_ref().map(String::as_str);
    let services =
        Services::on_postgres(program, folder.path(), [auth, blog], |command| command.envs(DRILL_SETTINGS)).await?;
    let client = DrillClient::register(&services, seed).await?;
    let callers = DrillCallers::mix(&client);
    sleep(length).await;
    callers.stop().await?;
    let calls = client.history.calls().clone();
    let failed: Vec<_> = calls.iter().filter(|call| call.answer.code != Code::Ok).collect();
    report.row("pooler, session mode: calls, failed calls", format!("{}, {}", calls.len(), failed.len()));
    if let Some(first) = failed.first() {
        let found = format!("{} times, first {:?}: {}", failed.len(), first.operation, first.answer);
        report.broken.push(Broken::new("both services work behind a pooler in session mode", found));
    }
    services.stop()
}

/// Starts a service behind a pooler in this mode. The service must refuse to start, and name the mode.
async fn refuse(report: &mut Report, program: &Path, server: &PostgresServer, mode: &str) -> Result<(), Failure> {
    let Some(bouncer) = Bouncer::start(server, &[&format!("pool_mode = {mode}")]).await else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    for command in ["auth", "blog"] {
        let log = folder.path().join(format!("{command}.log"));
        let begun = Instant::now();
        let started = Process::start(Setup {
            program: program.to_owned(),
            command,
            arguments: vec!["--database-url".into(), bouncer.url(&database(server).await?)],
            environment: DRILL_SETTINGS.map(|(name, value)| (name, value.to_owned())).into(),
            log: log.clone(),
        });
        let took = begun.elapsed();
        let log_text = std::fs::read_to_string(log)?;
        let is_named = log_text.contains(REFUSAL_MESSAGE);
        let what = if started.is_ok() {
            "started"
        } else if is_named {
            "refused by name"
        } else {
            "ended"
        };
        report.row(&format!("pooler, {mode} mode: {command}"), format!("{what} after {} ms", took.as_millis()));
        if started.is_ok() || !is_named || took > MAX_REFUSAL_TIME {
            report
                .broken
                .push(Broken::new("other modes are refused at once by name", format!("{mode}, {command}: {what}")));
        }
    }
    Ok(())
}
