//! The blog service as a process: settings, log, listener, signals.

use std::process::ExitCode;

use blog_service::{BlogConfig, BlogFlags, SECRETS};
use clap::CommandFactory as _;
use kit::Clock;
use kit::config::{Environment, KnownNames, parse};
use kit::healthcheck::HealthcheckCommand;

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn main() -> ExitCode {
    let environment = Environment::new(|name| std::env::var_os(name))
        .listed_by(|| std::env::vars_os().map(|(name, _)| name).collect());
    // Both services may share one RUST_LOG, as in docker-compose.yml.
    let crates: &'static [&'static [&'static str]] = &[&["auth_service", "blog_service"], db::CRATES];
    kit::process::run("blog-service", crates, environment, async |process| {
        let flags: BlogFlags = parse(std::env::args_os(), environment, &[])?;
        if let Some(HealthcheckCommand::Healthcheck(check)) = flags.command {
            return Ok(check.run(flags.listen, flags.tls.tls_cert.as_deref()).await?);
        }
        flags.telemetry.log_format.set();
        KnownNames::new(&BlogFlags::command(), &SECRETS).check_and_warn(environment)?;
        let config = BlogConfig::new(flags, environment, Clock::system())?;
        let config = config.reloaded_by(process.reload()).logged_by(process.log()).bind_ops().await?;
        let listener = kit::config::bind("--listen (BLOG_LISTEN)", config.flags.listen).await?;
        let [life] = process.services(config.flags.shutdown_delay);
        Ok(blog_service::run(config, listener, life).await?)
    })
}
