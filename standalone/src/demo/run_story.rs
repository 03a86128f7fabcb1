//! One run of the demo, from the checks of the services to the last line.

use kit::shutdown::Shutdown;

use super::error::DemoError;
use super::play::play;
use super::preflight;
use super::print::{self, Style};
use super::services::DemoServices;
use super::sweep::sweep;
use super::values::Values;

/// Runs the demo. After a stop or an unexpected answer, deletes the data of the demo.
pub(super) async fn run_story(
    services: DemoServices,
    opening: &str,
    style: Style,
    shutdown: &Shutdown,
) -> Result<(), DemoError> {
    preflight::check(&services).await?;
    let mut values = Values::random();
    print::say(&print::opening(style, opening));
    let tally = play(&services, &mut values, style, shutdown).await;
    let swept = if tally.is_well() { Ok(()) } else { sweep(&services, &values).await };
    print::say(&print::closing(style, &tally));
    swept.and(tally.result())
}
