//! `gatepost auth` and `gatepost blog`: one service alone, or one of its commands.

use std::error::Error;

use auth_service::{AuthCommand, AuthConfig, CommandLine, check_auth};
use blog_service::{AuthPeer, BlogCommand, BlogConfig, BlogFlags, check_blog};
use kit::Clock;
use kit::cli::{CheckReport, print, show_settings};
use kit::config::{EffectiveSetting, Environment, Invocation, Secret, bind};
use kit::process::Process;

/// Runs the auth service alone, or one of its commands.
pub(crate) async fn run_auth(
    arguments: CommandLine,
    settings: Vec<EffectiveSetting>,
    invocation: &Invocation,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (CommandLine { flags, command }, clock) = (arguments, Clock::system());
    let environment = invocation.environment;
    let settings = || own(settings, "auth", &auth_service::SECRETS, environment);
    match command {
        Some(AuthCommand::Healthcheck(check)) => {
            return Ok(check.run(flags.listen, flags.tls.tls_cert.as_deref()).await?);
        }
        Some(AuthCommand::Keys(keys)) => return keys.run(environment, clock).await,
        Some(AuthCommand::Admin(admin)) => return Box::pin(admin.run(clock)).await,
        Some(AuthCommand::Config(form)) => {
            print(&show_settings(&settings(), form.output));
            return Ok(());
        }
        Some(AuthCommand::Doctor(form)) => {
            process.log().prefer_warnings();
            let mut report = CheckReport::new(settings());
            Box::pin(check_auth(&mut report, flags, invocation, &clock)).await;
            return Ok(report.print(form.output)?);
        }
        None => {}
    }
    let config = AuthConfig::new(flags, environment, clock)?;
    let config = config.reloaded_by(process.reload()).logged_by(process.log()).bind_ops().await?;
    let listener = bind("--listen (AUTH_LISTEN)", config.flags.listen).await?;
    let [life] = process.services(config.flags.shutdown_delay);
    Ok(Box::pin(auth_service::run_alone(config, listener, life)).await?)
}

/// Runs the blog service alone, or one of its commands.
pub(crate) async fn run_blog(
    mut flags: BlogFlags,
    settings: Vec<EffectiveSetting>,
    invocation: &Invocation,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (environment, clock) = (invocation.environment, Clock::system());
    let settings = || own(settings, "blog", &blog_service::SECRETS, environment);
    match flags.command.take() {
        Some(BlogCommand::Healthcheck(check)) => {
            return Ok(check.run(flags.listen, flags.tls.tls_cert.as_deref()).await?);
        }
        Some(BlogCommand::Config(form)) => {
            print(&show_settings(&settings(), form.output));
            return Ok(());
        }
        Some(BlogCommand::Doctor(form)) => {
            process.log().prefer_warnings();
            let mut report = CheckReport::new(settings());
            Box::pin(check_blog(&mut report, flags, invocation, &clock, AuthPeer::Remote)).await;
            return Ok(report.print(form.output)?);
        }
        None => {}
    }
    let config = BlogConfig::new(flags, environment, clock)?;
    let config = config.reloaded_by(process.reload()).logged_by(process.log()).bind_ops().await?;
    let listener = bind("--listen (BLOG_LISTEN)", config.flags.listen).await?;
    let [life] = process.services(config.flags.shutdown_delay);
    Ok(Box::pin(blog_service::run_alone(config, listener, life)).await?)
}

/// Returns the settings of one service, with its secrets.
fn own(
    mut settings: Vec<EffectiveSetting>,
    table: &str,
    secrets: &[Secret],
    environment: Environment,
) -> Vec<EffectiveSetting> {
    settings.retain(|setting| setting.is_in(table));
    settings.extend(EffectiveSetting::from_secrets(secrets, environment));
    settings
}
