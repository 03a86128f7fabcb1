//! Bodies: requests of 255 KiB that never send their last byte.

use std::path::Path;
use std::time::Duration;

use super::Scale;
use super::attack::{Attack, Stream, framed};
use super::row::Row;
use super::run::measure;
use super::world::World;
use crate::Failure;

/// Connections, and streams of each.
const ATTACK_CONNECTIONS: usize = 20;
const STREAMS_PER_CONNECTION: usize = 100;

/// Connections of the short form: their bodies still add up to 100 MiB.
const MIN_CONNECTIONS: usize = 4;

/// Size of a body: just below the service's limit.
const BODY_BYTES: usize = 255 * 1024;

pub(super) async fn run(program: &Path, scale: Scale) -> Result<Vec<Row>, Failure> {
    let world = World::start(program, |command| command).await?;
    let body = framed(&vec![b'a'; BODY_BYTES]);
    let stream = Stream {
        ends: false,
        pause: Duration::from_millis(100),
        ..Stream::of("/gatepost.auth.v1.AuthService/Login", body.slice(..body.len() - 1))
    };
    let (good, at) = (world.good().await?, world.services.auth_address().to_owned());
    let attack = || {
        Attack::streams(
            "logins begun",
            &at,
            [scale.of(ATTACK_CONNECTIONS).max(MIN_CONNECTIONS), STREAMS_PER_CONNECTION],
            &stream,
        )
    };
    Ok(vec![measure("bodies", &world.services, &good, scale, attack).await?])
}
