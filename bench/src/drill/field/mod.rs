//! `bench drill field`: effects of hostile callers and stalls on good callers.
//!
//! A scenario consists of a file of this folder, a variant of [`Scenario`] and an arm of [`Scenario::run`]. The file
//! has the function `run(program, scale) -> Result<Vec<Row>, Failure>`.

mod attack;
mod balancer;
mod batch;
mod bodies;
mod clocks;
mod crowd;
mod far_log;
mod figures;
mod followers;
pub mod frozen;
mod good;
mod guarded;
pub mod guessing;
pub mod http2;
mod kids;
mod log;
mod open_loop;
mod overload;
mod pooler;
mod replicas;
mod row;
mod run;
mod scale;
mod silent;
mod slow_readers;
mod stall;
mod standby;
mod switchover;
pub mod two_tabs;
mod unsure;
mod vanish;
mod world;

use std::path::Path;

use clap::ValueEnum;

pub use figures::FieldFigures;
pub use good::Served;
pub use row::Row;
pub use scale::Scale;

use super::{Broken, Report};
use crate::Failure;

/// The seed of a scenario's random choices.
const SCENARIO_SEED: u64 = 17;

/// One kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Answers of 3 MiB that are never read
    SlowReaders,
    /// Requests of 255 KiB that never end
    Bodies,
    /// Batches of 8 MiB, which are refused
    Batch,
    /// Connections that send nothing
    Silent,
    /// Refused calls, while the log cannot be written
    Log,
    /// Tokens with made-up key ids
    Kids,
    /// Guesses of one account's password, while its owner logs in
    Guessing,
    /// Two tabs that always refresh together
    TwoTabs,
    /// One of two replicas that freezes in the middle of its writes
    Frozen,
    /// An auth service that is paused again and again
    Stall,
    /// A replica that vanishes behind a balancer, without a reset
    Vanish,
    /// A thousand guards (200 in a debug build), and fifty revocations a second
    Followers,
    /// A million revocations on a database that is 10 ms away
    FarLog,
    /// An auth service whose clock is an hour, three days or eight days ahead for a while, and replicas 10 s apart
    Clocks,
    /// A small PostgreSQL that stalls near its capacity, and calls above it
    Overload,
    /// A synchronous standby that stops, so that no commit is answered
    Standby,
    /// A primary and its standby that switch roles behind one address
    Switchover,
    /// PgBouncer in each of its modes, and replicas that freeze behind it
    Pooler,
    /// Two auth services that are restarted and killed in turns, under 2,000 guarded calls a second
    Replicas,
    /// Two thousand clients of a guarded service, whose only auth service is killed and started again
    Crowd,
    /// Logouts and password changes while the database is paused
    Unsure,
}

impl Scenario {
    /// All scenarios, in the order of the table.
    pub const ALL: [Self; 21] = [
        Self::SlowReaders,
        Self::Bodies,
        Self::Batch,
        Self::Silent,
        Self::Log,
        Self::Kids,
        Self::Guessing,
        Self::TwoTabs,
        Self::Frozen,
        Self::Stall,
        Self::Vanish,
        Self::Followers,
        Self::FarLog,
        Self::Clocks,
        Self::Overload,
        Self::Standby,
        Self::Switchover,
        Self::Pooler,
        Self::Replicas,
        Self::Crowd,
        Self::Unsure,
    ];

    /// Attacks a pair of its own.
    ///
    /// # Errors
    /// Fails with a sentence if the scenario itself cannot continue.
    pub async fn run(self, program: &Path, scale: Scale) -> Result<FieldFigures, Failure> {
        let rows = match self {
            Self::SlowReaders => slow_readers::run(program, scale).await?,
            Self::Bodies => bodies::run(program, scale).await?,
            Self::Batch => batch::run(program, scale).await?,
            Self::Silent => silent::run(program, scale).await?,
            Self::Log => log::run(program, scale).await?,
            Self::Kids => return Ok(kids::run(program, scale.length).await?.into()),
            Self::Stall => return Ok(stall::run(program, scale.of(50), scale.seed).await?.into()),
            Self::Vanish => return Ok(vanish::run(program, scale.of(10), scale.seed).await?.into()),
            Self::Followers => {
                return Ok(followers::run(program, scale.of(followers::GUARD_COUNT), scale.length).await?.into());
            }
            Self::FarLog => return Ok(far_log::run(program, scale.of(1_000_000)).await?.into()),
            Self::Clocks => return Ok(clocks::run(program, scale.of(20)).await?.into()),
            Self::Overload => return Ok(overload::run(program, scale.seed).await?.into()),
            Self::Standby => return Ok(standby::run(program).await?.into()),
            Self::Switchover => return Ok(switchover::run(program, scale.of(10), scale.seed).await?.into()),
            Self::Pooler => return pooler::run(program, scale.of(50), scale.length, scale.seed).await,
            Self::Replicas => return Ok(replicas::run(program, scale.of(5)).await?.into()),
            Self::Crowd => {
                return Ok(crowd::run(program, scale.of(crowd::CLIENT_COUNT), scale.of(5)).await?.into());
            }
            Self::Unsure => return Ok(unsure::run(program, scale.of(15), scale.seed).await?.into()),
            Self::Guessing => return FieldFigures::lines(guessing::run(program, scale.length).await),
            Self::TwoTabs => return FieldFigures::lines(two_tabs::run(program, scale.of(1_000)).await),
            Self::Frozen => return frozen::run(program, scale.of(200), SCENARIO_SEED).await,
        };
        Ok(FieldFigures { rows, ..FieldFigures::default() })
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Runs these scenarios, one after the other. A scenario that cannot continue counts as a broken promise, because the
/// service has usually ended.
pub async fn run(program: &Path, scenarios: &[Scenario], scale: Scale) -> Report {
    let mut report = Report::default();
    report.lines.extend(row::heading());
    for scenario in scenarios {
        match scenario.run(program, scale).await {
            Ok(figures) => {
                for row in figures.rows {
                    report.lines.extend(row.lines());
                    report.broken.extend(row.broken());
                }
                report.lines.extend(figures.lines);
                report.broken.extend(figures.broken);
            }
            Err(error) => {
                report.lines.push(format!("{:<20} {error}", scenario.name()));
                report.broken.push(Broken::new("a service survives the attack", format!("{scenario:?}: {error}")));
            }
        }
    }
    report
}
