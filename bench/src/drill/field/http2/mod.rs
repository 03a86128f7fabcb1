//! `bench drill http2`: attacks with frames that no client library sends, and what good callers notice.

mod attacker;
mod descriptors;
mod frames;
mod kinds;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use clap::ValueEnum;

use super::super::{Broken, Report};
use super::row::{self, Row};
use super::run::measure;
use super::scale::Scale;
use super::world::World;
use crate::Failure;
use attacker::{Attacker, Lives};

/// The longest lifetime of an attacker's connection, or of its streams, in seconds. The limit has a margin of one
/// second for a busy machine.
const MAX_LIFE_SECONDS: f64 = 16.0;

/// The largest factor between good callers' p99 under an attack and without it.
const MAX_P99_FACTOR: f64 = 2.0;

/// The most memory that 10,000 connections may cost, in MiB.
const MANY_CONNECTIONS_MIB: f64 = 200.0;

/// Number of posts, and bytes of each: a page of them has 3 MiB.
const POSTS: (usize, usize) = (32, 100 * 1024);

/// Connections of the last attack. A process with 20,000 descriptors may have at most half as many.
const MANY_CONNECTIONS: usize = 9_900;

/// One attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Http2Attack {
    /// More streams than a connection may have
    StreamFlood,
    /// Streams that the server must reset for their errors
    ErrorResets,
    /// Streams that are reset at once
    RapidReset,
    /// A header block without an end
    Continuation,
    /// Pings
    Ping,
    /// Settings
    Settings,
    /// Headers that name a large entry of the table thousands of times
    HpackBomb,
    /// Compressed requests that are a thousand times as large when they are decompressed
    ZipBomb,
    /// Connections without a byte
    Silent,
    /// Connections with a preface and no request
    HalfOpen,
    /// Header blocks that grow by a field each second
    SlowHeader,
    /// Messages that grow by a byte each second
    SlowBody,
    /// Readers that take one byte of each of 180 full pages
    SlowReaders,
    /// A process without a free descriptor
    Descriptors,
    /// Ten thousand connections with a call each
    Many,
}

impl Http2Attack {
    /// All attacks, in the order of the table.
    pub const ALL: [Self; 15] = [
        Self::StreamFlood,
        Self::ErrorResets,
        Self::RapidReset,
        Self::Continuation,
        Self::Ping,
        Self::Settings,
        Self::HpackBomb,
        Self::ZipBomb,
        Self::Silent,
        Self::HalfOpen,
        Self::SlowHeader,
        Self::SlowBody,
        Self::SlowReaders,
        Self::Descriptors,
        Self::Many,
    ];

    /// Returns the attack's name in the table, its attackers and their number.
    fn attackers(self, world: &World) -> (&'static str, Attacker, usize) {
        match self {
            Self::StreamFlood => ("stream-flood", kinds::stream_flood(), 4),
            Self::ErrorResets => ("error-resets", kinds::error_resets(), 4),
            Self::RapidReset => ("rapid-reset", kinds::rapid_reset(), 4),
            Self::Continuation => ("continuation", kinds::continuation(), 4),
            Self::Ping => ("ping", kinds::ping(), 4),
            Self::Settings => ("settings", kinds::settings(), 4),
            Self::HpackBomb => ("hpack-bomb", kinds::hpack_bomb(), 4),
            Self::ZipBomb => ("zip-bomb", kinds::zip_bomb(), 4),
            Self::Silent | Self::Descriptors => ("silent", kinds::silent(), 1_000),
            Self::HalfOpen => ("half-open", kinds::half_open(), 1_000),
            Self::SlowHeader => ("slow-header", kinds::slow_header(), 200),
            Self::SlowBody => ("slow-body", kinds::slow_body(), 10),
            Self::SlowReaders => ("slow-readers", kinds::slow_readers(world.token.expose()), 3),
            Self::Many => ("many", kinds::idle(), MANY_CONNECTIONS),
        }
    }

    /// Attacks a pair of its own. Returns the row and the broken promises.
    ///
    /// # Errors
    /// Fails if the pair does not start or the attack cannot begin.
    pub async fn run(self, program: &Path, scale: Scale) -> Result<(Row, Vec<Broken>), Failure> {
        if self == Self::Descriptors {
            let (mut row, mut broken) = descriptors::run(program, scale).await?;
            row.slower = MAX_P99_FACTOR;
            broken.extend(row.broken());
            return Ok((row, broken));
        }
        let most = (MANY_CONNECTIONS + 100).to_string();
        let many = |command: &mut Command| {
            command.env("AUTH_MAX_CONNECTIONS", &most);
        };
        let world = World::start(program, |command| {
            if self == Self::Many {
                many(command);
            }
            command
        })
        .await?;
        let mut at = world.services.auth_address();
        if self == Self::SlowReaders {
            world.fill(POSTS.0, POSTS.1).await?;
            at = world.services.blog_address();
        }
        let (name, attacker, connections) = self.attackers(&world);
        let (good, lives) = (world.good().await?, Arc::new(Lives::default()));
        let connections = if connections > 10 { scale.of(connections) } else { connections };
        let attack = || attacker.start(at, connections, &lives);
        let mut row = measure(name, &world.services, &good, scale, attack).await?;
        row.slower = MAX_P99_FACTOR;
        let (ended, open) = lives.counts();
        let longest = lives.longest();
        row.notes
            .push(format!("{ended} attackers ended, {open} open at the end; the longest life took {longest:.1} s"));
        let mut broken = row.broken();
        if self == Self::Many {
            row.memory = MANY_CONNECTIONS_MIB;
            broken = row.broken();
            let each = row.more() * 1024.0 / f64::from(u32::try_from(open)?.max(1));
            row.notes.push(format!("{each:.1} KiB for each connection"));
            if open < connections || ended > 0 {
                broken.push(Broken::new("idle connections below the limit stay", format!("{open} of {connections}")));
            }
        } else if longest > MAX_LIFE_SECONDS {
            broken.push(Broken::new("attackers are gone after 15 s", format!("{name}: {longest:.1} s")));
        }
        Ok((row, broken))
    }
}

/// Runs these attacks, one after the other.
pub async fn run(program: &Path, attacks: &[Http2Attack], scale: Scale) -> Report {
    let mut report = Report::default();
    report.lines.extend(row::heading());
    for attack in attacks {
        match attack.run(program, scale).await {
            Ok((row, broken)) => {
                report.lines.extend(row.lines());
                report.broken.extend(broken);
            }
            Err(error) => {
                report.lines.push(format!("{attack:?}: {error}"));
                report.broken.push(Broken::new("a service outlives the attack", format!("{attack:?}: {error}")));
            }
        }
    }
    report
}
