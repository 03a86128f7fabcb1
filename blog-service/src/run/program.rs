//! The command line of the service: serving, or one of the operator's commands.

use std::error::Error;

use kit::Clock;
use kit::cli::{CheckReport, print, show_settings};
use kit::config::{EffectiveSetting, Invocation, bind};
use kit::process::Process;

use super::run_alone;
use crate::commands::{AuthPeer, check_blog};
use crate::config::{BlogCommand, BlogConfig, BlogFlags};
use crate::secrets::SECRETS;

/// Runs the command of these flags, or serves. `settings` are those in effect, without secrets.
///
/// # Errors
/// Fails with what to do.
pub async fn run_command_line(
    mut flags: BlogFlags,
    mut settings: Vec<EffectiveSetting>,
    invocation: &Invocation,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (environment, clock) = (invocation.environment, Clock::system());
    settings.retain(|setting| setting.is_in("blog"));
    settings.extend(EffectiveSetting::from_secrets(&SECRETS, environment));
    match flags.command.take() {
        Some(BlogCommand::Healthcheck(check)) => {
            return Ok(check.run(flags.listen, flags.tls.tls_cert.as_deref()).await?);
        }
        Some(BlogCommand::Config(form)) => {
            return Ok(print(&show_settings(&settings, form.output))?);
        }
        Some(BlogCommand::Doctor(form)) => {
            process.log().prefer_warnings();
            let mut report = CheckReport::new(settings);
            Box::pin(check_blog(&mut report, flags, invocation, &clock, AuthPeer::Remote)).await;
            return report.print(form.output);
        }
        None => {}
    }
    let config = BlogConfig::new(flags, environment, clock)?;
    let config = config.reloaded_by(process.reload()).logged_by(process.log()).bind_ops().await?;
    let listener = bind("--listen (BLOG_LISTEN)", config.flags.listen).await?;
    let [life] = process.services(config.flags.shutdown_delay);
    Ok(Box::pin(run_alone(config, listener, life)).await?)
}
