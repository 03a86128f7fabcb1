//! The process of the auth service: settings, log, listener, signals.

use std::error::Error;
use std::process::ExitCode;

use auth_service::{AuthCommand, AuthConfig, CommandLine, SECRETS, check_auth};
use clap::CommandFactory as _;
use kit::Clock;
use kit::cli::{CheckReport, print, show_settings};
use kit::config::{EffectiveSetting, Environment, Invocation, KnownNames, Parsed, parse_with_settings};
use kit::process::Process;

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    let environment = Environment::new(|name| std::env::var_os(name))
        .listed_by(|| std::env::vars_os().map(|(name, _)| name).collect());
    // Both services may share one RUST_LOG, as in docker-compose.yml.
    let crates: &'static [&'static [&'static str]] = &[&["auth_service", "blog_service"], db::CRATES];
    kit::process::run("auth-service", crates, environment, async |process| {
        let known = KnownNames::new(&CommandLine::command(), &SECRETS);
        let invocation = Invocation::read(std::env::args_os(), environment, &known)?;
        Box::pin(run(&invocation, &known, process)).await.map_err(|error| invocation.locate(error))
    })
}

async fn run(
    invocation: &Invocation,
    known: &KnownNames,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (environment, clock) = (invocation.environment, Clock::system());
    let Parsed { command: CommandLine { flags, command }, mut settings } =
        parse_with_settings(invocation.args.iter().cloned(), environment, &[], db::shown_url)?;
    settings.extend(EffectiveSetting::from_secrets(&SECRETS, environment));
    match command {
        Some(AuthCommand::Healthcheck(check)) => {
            return Ok(check.run(flags.listen, flags.tls.tls_cert.as_deref()).await?);
        }
        Some(AuthCommand::Keys(keys)) => {
            known.check(environment)?;
            return keys.run(environment, clock).await;
        }
        Some(AuthCommand::Admin(admin)) => {
            known.check(environment)?;
            return admin.run(clock).await;
        }
        Some(AuthCommand::Config(form)) => {
            known.check(environment)?;
            print(&show_settings(&settings, form.output));
            return Ok(());
        }
        Some(AuthCommand::Doctor(form)) => {
            known.check(environment)?;
            process.log().prefer_warnings();
            let mut report = CheckReport::new(settings);
            check_auth(&mut report, flags, invocation, &clock).await;
            return Ok(report.print(form.output)?);
        }
        None => {
            flags.telemetry.log_format.set();
            known.check_and_warn(environment)?;
        }
    }
    let config = AuthConfig::new(flags, environment, clock)?;
    let config = config.reloaded_by(process.reload()).logged_by(process.log()).bind_ops().await?;
    let listener = kit::config::bind("--listen (AUTH_LISTEN)", config.flags.listen).await?;
    let [life] = process.services(config.flags.shutdown_delay);
    Ok(auth_service::run_alone(config, listener, life).await?)
}
