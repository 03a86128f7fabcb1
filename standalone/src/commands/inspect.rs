//! `gatepost config` and `gatepost doctor`: the pair's settings, and checks of both services.

use std::error::Error;

use auth_service::check_auth;
use blog_service::{AuthPeer, check_blog};
use clap::Args;
use kit::Clock;
use kit::cli::{CheckReport, OutputFlags, print, show_settings};
use kit::config::{EffectiveSetting, Invocation};
use kit::telemetry::LogControl;

use crate::pair::{PairFlags, PairSettings};

/// Flags of a command that inspects the pair.
#[derive(Clone, Debug, Args)]
pub(crate) struct InspectFlags {
    #[command(flatten)]
    pair: PairFlags,
    #[command(flatten)]
    form: OutputFlags,
}

/// Work of a command that inspects the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inspection {
    /// Print the settings.
    Config,
    /// Print the settings and run the checks.
    Doctor,
}

/// Prints the settings of the pair, and checks both services if asked to.
///
/// # Errors
/// Fails for settings that no start accepts, and if a check fails.
pub(crate) async fn inspect_pair(
    inspection: Inspection,
    flags: InspectFlags,
    mut settings: Vec<EffectiveSetting>,
    invocation: &Invocation,
    log: &LogControl,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let environment = invocation.environment;
    let pair = PairSettings::read(&flags.pair, environment)?;
    settings.retain(|setting| setting.is_in("gatepost"));
    settings.extend(pair.effective);
    let secrets = [&auth_service::SECRETS[..], &blog_service::SECRETS];
    settings.extend(secrets.into_iter().flat_map(|secrets| EffectiveSetting::from_secrets(secrets, environment)));
    if inspection == Inspection::Config {
        return Ok(print(&show_settings(&settings, flags.form.output))?);
    }
    log.prefer_warnings();
    let (mut report, clock) = (CheckReport::new(settings), Clock::system());
    report.section("auth");
    Box::pin(check_auth(&mut report, pair.auth, invocation, &clock)).await;
    report.section("blog");
    Box::pin(check_blog(&mut report, pair.blog, invocation, &clock, AuthPeer::Inner)).await;
    report.print(flags.form.output)
}
