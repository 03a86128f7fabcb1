//! Log: callers without a token send calls as fast as they are refused, while the log can or cannot be written.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use super::Scale;
use super::attack::{Attack, Stream, framed};
use super::row::Row;
use super::run::measure;
use super::world::World;
use crate::Failure;

/// Connections, and streams of each.
const ATTACK_CONNECTIONS: usize = 16;
const STREAMS_PER_CONNECTION: usize = 20;

/// Length of the called path in bytes. It costs the attacker nothing, because HTTP/2 sends a repeated header in one
/// byte.
const PATH_BYTES: usize = 3_800;

/// Time limit of a start with the first calls.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Time limit of a stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// The target of the log.
#[derive(Clone, Copy)]
enum To {
    /// A file.
    File,
    /// A pipe that is never read.
    Pipe,
    /// A disk that is full.
    Full,
}

pub(super) async fn run(program: &Path, scale: Scale) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (name, to) in [("log to a file", To::File), ("log to a stuck pipe", To::Pipe), ("log to /dev/full", To::Full)] {
        let row = attacked(name, to, program, scale).await;
        rows.push(row.or_else(|error| Row::unserved(name, format!("the service could not be attacked: {error}")))?);
    }
    Ok(rows)
}

async fn attacked(name: &'static str, to: To, program: &Path, scale: Scale) -> Result<Row, Failure> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("stderr");
    let stderr: Stdio = match to {
        To::File => File::create(&log)?.into(),
        To::Pipe => Stdio::piped(),
        To::Full => File::options().write(true).open("/dev/full")?.into(),
    };
    // Refusals are logged at `info`, the default.
    let world = World::start(program, |command| command.env_remove("RUST_LOG").stderr(stderr));
    let world = timeout(START_TIMEOUT, world).await.map_err(|_| "no answer within 30 s of the start")??;
    let stream = Stream::of(&format!("/{}", "a".repeat(PATH_BYTES)), framed(&[]));
    let (good, at) = (world.good().await?, world.services.auth_address().to_owned());
    let attack =
        || Attack::streams("refused calls", &at, [scale.of(ATTACK_CONNECTIONS), STREAMS_PER_CONNECTION], &stream);
    let mut row = measure(name, &world.services, &good, scale, attack).await?;
    if let Ok(written) = fs::metadata(&log) {
        row.notes.push(format!("{} KiB of log", written.len() / 1024));
    }
    match world.services.stop_within(STOP_TIMEOUT).await? {
        Some(took) => row.notes.push(format!("stopped within {:.1} s", took.as_secs_f64())),
        None => row.ended = Some("SIGTERM was not obeyed within 15 s".to_owned()),
    }
    Ok(row)
}
