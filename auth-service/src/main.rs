//! The process of the auth service: settings, log, listener, signals.

use std::process::ExitCode;

use auth_service::{AuthCommand, AuthConfig, CommandLine, SECRETS};
use clap::CommandFactory as _;
use kit::Clock;
use kit::config::{Environment, KnownNames, parse};

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    let environment = Environment::new(|name| std::env::var_os(name))
        .listed_by(|| std::env::vars_os().map(|(name, _)| name).collect());
    // Both services may share one RUST_LOG, as in docker-compose.yml.
    let crates: &'static [&'static [&'static str]] = &[&["auth_service", "blog_service"], db::CRATES];
    kit::process::run("auth-service", crates, environment, async |process| {
        let CommandLine { flags, command } = parse(std::env::args_os(), environment, &[])?;
        let known = KnownNames::new(&CommandLine::command(), &SECRETS);
        match command {
            Some(AuthCommand::Healthcheck(check)) => {
                return Ok(check.run(flags.listen, flags.tls.tls_cert.as_deref()).await?);
            }
            Some(AuthCommand::Keys(keys)) => {
                known.check(environment)?;
                return keys.run(environment, Clock::system()).await;
            }
            Some(AuthCommand::Admin(admin)) => {
                known.check(environment)?;
                return admin.run(Clock::system()).await;
            }
            None => {
                flags.telemetry.log_format.set();
                known.check_and_warn(environment)?;
            }
        }
        let config = AuthConfig::new(flags, environment, Clock::system())?;
        let config = config.reloaded_by(process.reload()).logged_by(process.log()).bind_ops().await?;
        let listener = kit::config::bind("--listen (AUTH_LISTEN)", config.flags.listen).await?;
        let [life] = process.services(config.flags.shutdown_delay);
        Ok(auth_service::run(config, listener, life).await?)
    })
}
