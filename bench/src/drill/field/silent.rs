//! Silent connections: an attacker opens more connections than the service may have open files. Then new clients
//! connect.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Scale;
use super::attack::Attack;
use super::row::Row;
use super::run::measure;
use super::world::World;
use crate::Failure;
use crate::drill::DRILL_SETTINGS;
use crate::services::{Services, command};

/// Number of sockets.
const SILENT_SOCKETS: usize = 1_000;

/// The service's limit of open files. A short run with fewer sockets has the same limit.
const MAX_OPEN_FILES: usize = 256;

/// New clients at a time.
const CONCURRENT_NEWCOMERS: usize = 4;

/// Shell script that lowers the limit of open files, and then runs the command in its arguments.
const LIMIT_FILES_SCRIPT: &str = "ulimit -n 256 && exec \"$@\"";

/// Limit of an attacker's connection attempt, and the pause before the next one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn run(program: &Path, scale: Scale) -> Result<Vec<Row>, Failure> {
    let folder = tempfile::tempdir()?;
    let mut limited = command(Path::new("/bin/sh"), &folder.path().join("log"))?;
    limited.args(["-c", LIMIT_FILES_SCRIPT, "sh"]).arg(program);
    let services = Services::pair_by(limited, folder.path(), |command| command.envs(DRILL_SETTINGS)).await?;
    let world = World::over(services, folder).await?;
    let (good, at) = (world.newcomers(CONCURRENT_NEWCOMERS), world.services.auth_address().to_owned());
    let sockets = scale.of(SILENT_SOCKETS).max(MAX_OPEN_FILES + MAX_OPEN_FILES / 4);
    Ok(vec![measure("silent", &world.services, &good, scale, || attack(&at, sockets)).await?])
}

/// Holds this many sockets. Opens a new socket for each socket that the service closes.
fn attack(at: &str, sockets: usize) -> Result<Attack, Failure> {
    let attack = Attack::new("silent connections opened")?;
    for _ in 0..sockets {
        let (at, opened) = (at.to_owned(), Arc::clone(&attack.count));
        attack.add(async move {
            loop {
                if let Ok(Ok(mut socket)) = timeout(CONNECT_TIMEOUT, TcpStream::connect(&at)).await {
                    opened.fetch_add(1, Ordering::Relaxed);
                    let mut heard = [0; 1024];
                    while socket.read(&mut heard).await.is_ok_and(|count| count > 0) {}
                }
                sleep(RECONNECT_PAUSE).await;
            }
        });
    }
    Ok(attack)
}
