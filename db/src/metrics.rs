//! Metrics of an open database.

use std::fmt;

use kit::metrics::{FamilyKind, Label, MetricSource, MetricsPage};

use crate::engine::Db;
use crate::measures::{PoolMeasure, WorkKind, WorkTimes};

impl MetricSource for Db {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(db) => {
                let writer = db.writer_measure();
                write_pools(page, &db.pools())?;
                write_work(page, db.work())?;
                let help = "Writes that shared a commit";
                page.histogram(FamilyKind::Sizes, "gatepost_database_commit_writes", help, &writer.group_sizes)?;
                let help = "Time of a commit with the work of its writes";
                page.histogram(FamilyKind::Times, "gatepost_database_commit_duration", help, &writer.commits)
            }
            Self::Postgres(db) => {
                write_pools(page, &db.pools())?;
                write_work(page, db.work())
            }
        }
    }
}

/// Writes the connections of the pools, and the calls that wait for them.
fn write_pools(page: &mut MetricsPage<'_>, pools: &[PoolMeasure<'_>]) -> fmt::Result {
    let levels = || pools.iter().filter_map(|pool| Some((pool.name, pool.levels?)));
    let mut connections = page.family(FamilyKind::Gauge, "gatepost_database_connections", "Connections of a pool")?;
    for (pool, levels) in levels() {
        for (state, count) in [("idle", levels.idle), ("used", levels.used), ("other", levels.others)] {
            connections.number(&[("pool", pool), ("state", state)], number(count))?;
        }
    }
    let help = "Most connections of a pool";
    let mut limits = page.family(FamilyKind::Gauge, "gatepost_database_connections_limit", help)?;
    for (pool, levels) in levels() {
        limits.number(&named(pool), number(levels.limit))?;
    }
    let help = "Calls that wait for a connection";
    let mut waiting = page.family(FamilyKind::Gauge, "gatepost_database_waiting", help)?;
    for pool in pools {
        pool.waiting.map_or(Ok(()), |count| waiting.number(&named(pool.name), number(count)))?;
    }
    let help = "Time that a call waits for a connection, or on SQLite for its turn to write";
    let mut times = page.family(FamilyKind::Times, "gatepost_database_wait", help)?;
    for pool in pools {
        pool.waits.map_or(Ok(()), |waits| times.histogram(&named(pool.name), &waits.times))?;
    }
    let help = "Calls whose wait has timed out";
    let mut timeouts = page.family(FamilyKind::Counter, "gatepost_database_wait_timeouts", help)?;
    for pool in pools {
        pool.waits.map_or(Ok(()), |waits| timeouts.number(&named(pool.name), waits.timeouts.get()))?;
    }
    Ok(())
}

/// Writes the times of the work.
fn write_work(page: &mut MetricsPage<'_>, work: &WorkTimes) -> fmt::Result {
    let help = "Time of a statement or a transaction, with the wait for a connection";
    let mut times = page.family(FamilyKind::Times, "gatepost_database_work_duration", help)?;
    for kind in WorkKind::ALL {
        times.histogram(&[("work", kind.name())], &work.of_kind(kind).times)?;
    }
    let mut failed = page.family(FamilyKind::Counter, "gatepost_database_work_failed", "Work that has failed")?;
    for kind in WorkKind::ALL {
        failed.number(&[("work", kind.name())], work.of_kind(kind).failed.get())?;
    }
    Ok(())
}

fn named(pool: &str) -> [Label<'_>; 1] {
    [("pool", pool)]
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
