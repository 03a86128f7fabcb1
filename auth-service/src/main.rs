//! The process of the auth service: settings, log, listener, signals.

use std::error::Error;
use std::process::ExitCode;

use auth_service::{CONSOLE_SECRETS, CommandLine, SECRETS};
use clap::CommandFactory as _;
use kit::config::{Environment, Invocation, KnownNames, Parsed, parse_with_settings};
use kit::process::Process;

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    let environment = Environment::new(|name| std::env::var_os(name))
        .listed_by(|| std::env::vars_os().map(|(name, _)| name).collect());
    // Both services may share one RUST_LOG, as in docker-compose.yml.
    let crates: &'static [&'static [&'static str]] = &[&["auth_service", "blog_service"], db::CRATES];
    kit::process::run("auth-service", crates, environment, async |process| {
        let known = KnownNames::new(&CommandLine::command(), SECRETS.iter().chain(&CONSOLE_SECRETS));
        let invocation = Invocation::read(std::env::args_os(), environment, &known)?;
        Box::pin(run(&invocation, &known, process)).await.map_err(|error| invocation.locate(error))
    })
}

async fn run(
    invocation: &Invocation,
    known: &KnownNames,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let environment = invocation.environment;
    let Parsed { command: line, settings }: Parsed<CommandLine> =
        parse_with_settings(invocation.args.iter().cloned(), environment, &[], db::shown_url)?;
    match &line.command {
        Some(command) if command.ignores_settings() => {}
        Some(_) => known.check(environment)?,
        None => {
            line.flags.telemetry.log_format.set();
            known.check_and_warn(environment)?;
        }
    }
    auth_service::run_command_line(line, settings, invocation, process).await
}
