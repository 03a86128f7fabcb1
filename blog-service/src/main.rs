//! The blog service as a process: settings, log, listener, signals.

use std::error::Error;
use std::process::ExitCode;

use blog_service::{BlogCommand, BlogFlags, SECRETS};
use clap::CommandFactory as _;
use kit::config::{Environment, Invocation, KnownNames, Parsed, parse_with_settings};
use kit::process::Process;

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    let environment = Environment::new(|name| std::env::var_os(name))
        .listed_by(|| std::env::vars_os().map(|(name, _)| name).collect());
    // Both services may share one RUST_LOG, as in docker-compose.yml.
    let crates: &'static [&'static [&'static str]] = &[&["auth_service", "blog_service"], db::CRATES];
    kit::process::run("blog-service", crates, environment, async |process| {
        let known = KnownNames::new(&BlogFlags::command(), &SECRETS);
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
    let Parsed { command: flags, settings }: Parsed<BlogFlags> =
        parse_with_settings(invocation.args.iter().cloned(), environment, &[], db::shown_url)?;
    match flags.command {
        Some(BlogCommand::Healthcheck(_)) => {}
        Some(_) => known.check(environment)?,
        None => {
            flags.telemetry.log_format.set();
            known.check_and_warn(environment)?;
        }
    }
    blog_service::run_command_line(flags, settings, invocation, process).await
}
