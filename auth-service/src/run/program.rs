//! The command line of the service: serving, or one of the operator's commands.

use std::error::Error;

use kit::Clock;
use kit::cli::{CheckReport, print, show_settings};
use kit::config::{EffectiveSetting, Invocation, bind, program};
use kit::process::Process;

use super::alone::run_alone;
use super::console::run_console;
use crate::commands::{AuthCommand, CommandLine, check_auth};
use crate::config::{AuthConfig, SECRETS};

/// Runs the command of these arguments, or serves. `settings` are those in effect, without secrets.
///
/// # Errors
/// The error says what to do.
pub async fn run_command_line(
    arguments: CommandLine,
    mut settings: Vec<EffectiveSetting>,
    invocation: &Invocation,
    process: Process,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (CommandLine { flags, command }, clock) = (arguments, Clock::system());
    let environment = invocation.environment;
    settings.retain(|setting| setting.is_in("auth"));
    settings.extend(EffectiveSetting::from_secrets(&SECRETS, environment));
    match command {
        Some(AuthCommand::Healthcheck(check)) => {
            return Ok(check.run(flags.listen, flags.tls.tls_cert.as_deref()).await?);
        }
        Some(AuthCommand::Keys(keys)) => return Box::pin(keys.run(environment, clock)).await,
        Some(AuthCommand::Admin(admin)) => return Box::pin(admin.run(clock)).await,
        Some(AuthCommand::Console(command)) => {
            return Box::pin(run_console(command, environment, process.stop_or_hangup())).await;
        }
        Some(AuthCommand::Config(form)) => {
            return Ok(print(&show_settings(&settings, form.output))?);
        }
        Some(AuthCommand::Doctor(form)) => {
            process.log().prefer_warnings();
            let mut report = CheckReport::new(settings);
            Box::pin(check_auth(&mut report, flags, invocation, &clock)).await;
            return report.print(form.output);
        }
        Some(AuthCommand::Completions(completions)) => {
            return Ok(completions.run(program::<CommandLine>())?);
        }
        Some(AuthCommand::Man(man)) => return man.run(program::<CommandLine>()),
        None => {}
    }
    let config = AuthConfig::new(flags, environment, clock)?;
    let config = config.reloaded_by(process.reload()).logged_by(process.log()).bind_ops().await?;
    let listener = bind("--listen (AUTH_LISTEN)", config.flags.listen).await?;
    let [life] = process.services(config.flags.shutdown_delay);
    Ok(Box::pin(run_alone(config, listener, life)).await?)
}
