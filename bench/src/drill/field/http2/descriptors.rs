//! A process without a free descriptor: its processor time, and the time until it serves again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::row::Row;
use super::super::run::measure;
use super::super::scale::Scale;
use super::super::world::World;
use super::attacker::Lives;
use super::kinds;
use crate::Failure;
use crate::drill::Broken;

/// Number of free descriptors after the limit is lowered.
const LEFT: u64 = 4;

/// Number of attackers that take the remaining descriptors.
const CONNECTIONS: usize = 200;

/// Time in which the processor time is measured, without good callers.
const QUIET: Duration = Duration::from_secs(5);

/// The largest share of a core without good callers.
const CORE: f64 = 0.05;

/// The longest time from the end of the attack until a new client is served.
const RECOVERY: Duration = Duration::from_secs(1);

/// Pause between two attempts of a new client.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// Returns the row, and the broken promises besides the row's own.
pub(super) async fn run(program: &Path, scale: Scale) -> Result<(Row, Vec<Broken>), Failure> {
    let world = World::start(program, |command| {
        // By default, connections are reserved for loopback addresses, which all clients have here. Another network removes that reservation.
        command.env("AUTH_OPERATOR_NETWORKS", "192.0.2.1")
    })
    .await?;
    let services = &world.services;
    let (good, lives) = (world.good().await?, Arc::new(Lives::default()));
    let limit = services.limit_descriptors(LEFT)?;
    let attack = || kinds::silent().start(services.auth_address(), CONNECTIONS, &lives);
    let mut row = measure("descriptors", services, &good, scale, attack).await?;
    let mut broken = Vec::new();
    // A new attack, and no good callers.
    let attack = kinds::silent().start(services.auth_address(), CONNECTIONS, &lives)?;
    let (begun, worked) = (Instant::now(), services.processor_time()?);
    sleep(QUIET).await;
    let share = (services.processor_time()? - worked) / begun.elapsed().as_secs_f64();
    row.notes.push(format!("without good callers {:.1} % of a core", share * 100.0));
    drop(attack);
    services.restore_descriptors(limit)?;
    let (ended, newcomer) = (Instant::now(), world.newcomers(1).remove(0));
    while newcomer().await.is_err() {
        sleep(RETRY_INTERVAL).await;
    }
    let back = ended.elapsed();
    row.notes.push(format!("a new client was served after {} ms", back.as_millis()));
    if share > CORE {
        broken.push(Broken::new("without descriptors at most 5 % of a core", format!("{:.1} %", share * 100.0)));
    }
    if back > RECOVERY {
        broken.push(Broken::new("a lack of descriptors ends within 1 s", format!("{back:?}")));
    }
    Ok((row, broken))
}
