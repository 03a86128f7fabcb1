//! The whole story, from the first look at the services to the last line.

use kit::shutdown::Shutdown;

use super::error::DemoError;
use super::play::play;
use super::preflight;
use super::print::{self, Style};
use super::services::Services;
use super::sweep::sweep;
use super::values::Values;

/// Tells the story; one that did not end well is swept away, so that it leaves nothing behind either.
pub(super) async fn tell(
    services: Services,
    opening: &str,
    style: Style,
    shutdown: &Shutdown,
) -> Result<(), DemoError> {
    preflight::check(&services).await?;
    let mut values = Values::drawn();
    print::say(&print::opening(style, opening));
    let tally = play(&services, &mut values, style, shutdown).await;
    let swept = if tally.is_well() { Ok(()) } else { sweep(&services, &values).await };
    print::say(&print::closing(style, &tally));
    swept.and(tally.result())
}
