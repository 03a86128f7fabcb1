//! Measures good callers without an attack and then under it, and the memory of the services during the attack.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::good::{GoodCall, serve};
use super::row::Row;
use super::{Scale, attack::Attack};
use crate::Failure;
use crate::services::Services;

/// Interval between reads of the memory.
const MEMORY_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The services' memory over a time.
struct MemoryWatch {
    /// The most memory, in MiB.
    most: f64,
    /// A sentence about a service that has ended.
    ended: Option<String>,
}

/// Measures the cost of an attack; `attack` starts it.
pub(super) async fn measure(
    name: &'static str,
    services: &Services,
    good: &[GoodCall],
    scale: Scale,
    attack: impl FnOnce() -> Result<Attack, Failure>,
) -> Result<Row, Failure> {
    let quiet = serve(good, scale.length).await?;
    let before = services.memory()?;
    let (attack, begun, worked) = (attack()?, Instant::now(), services.processor_time()?);
    let (attacked, watched) = tokio::join!(serve(good, scale.length), watch(services, before, scale.length));
    let mut notes = attack.end();
    let MemoryWatch { most, ended } = watched;
    if let Ok(now) = services.processor_time() {
        let share = (now - worked) / begun.elapsed().as_secs_f64();
        notes.push(format!("the services took {:.0} % of a core", share * 100.0));
    }
    Ok(Row { ended, ..Row::new(name, [before, most], [quiet, attacked?], notes) })
}

async fn watch(services: &Services, before: f64, length: Duration) -> MemoryWatch {
    let (end, mut most) = (Instant::now() + length, before);
    while Instant::now() < end {
        match services.memory() {
            Ok(memory) => most = most.max(memory),
            Err(error) => return MemoryWatch { most, ended: Some(format!("the service has ended ({error})")) },
        }
        sleep(MEMORY_POLL_INTERVAL).await;
    }
    MemoryWatch { most, ended: None }
}
