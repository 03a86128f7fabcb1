//! `bench drill partition`: tokens are revoked while the network between real network namespaces of Linux is
//! partitioned.
//!
//! The proxies of the other drills hold bytes back, but the kernel acknowledges these bytes. Here packets are lost, so
//! TCP repeats them, with growing pauses.

mod connector;
mod fault;
mod forwarder;
mod namespace;
mod network;
mod outage;
mod rig;
mod steady;

use std::path::Path;
use std::time::Duration;

use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

pub use fault::PartitionFault;

use super::Report;
use super::revocation::{self, RevocationPlan};
use crate::Failure;
use rig::PartitionRig;

/// The plan of the drill.
#[derive(Clone, Debug)]
pub struct PartitionPlan {
    /// The revocations under each fault, and the faults.
    pub revocations: RevocationPlan<PartitionFault>,
    /// Guarded calls that begin later than this after a heal must succeed.
    pub recovery: Duration,
    /// Time for which calls are watched after a heal.
    pub watch: Duration,
}

/// Checks that this process may partition a network.
///
/// # Errors
/// Fails with the reason if it may not.
pub fn check_support() -> Result<(), Failure> {
    namespace::check_support()
}

/// Runs the plan. Removes all namespaces and processes at the end, also after a failure, SIGINT or SIGTERM.
///
/// # Errors
/// Fails if the drill itself cannot continue, or is interrupted.
pub async fn run(program: &Path, plan: &PartitionPlan) -> Result<Report, Failure> {
    check_support()?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        report = break_network(program, plan) => report,
        _ = ctrl_c() => Err("interrupted".into()),
        _ = terminated.recv() => Err("terminated".into()),
    }
}

async fn break_network(program: &Path, plan: &PartitionPlan) -> Result<Report, Failure> {
    let (mut checked, mut outages, mut missing) = (Vec::new(), Vec::new(), false);
    for faults in [&PartitionFault::ALONE[..], &PartitionFault::REPLICATED] {
        let mut part = plan.revocations.clone();
        part.faults.retain(|fault| faults.contains(fault));
        if part.faults.is_empty() {
            continue;
        }
        let server = if faults == PartitionFault::ALONE { None } else { testkit::postgres::server().await };
        if server.is_none() && faults == PartitionFault::REPLICATED {
            missing = true;
            continue;
        }
        let mut rig = PartitionRig::start(program, server, plan.watch).await?;
        checked.extend(rig.run(&part).await?);
        outages.extend(rig.outages());
    }
    let mut report = revocation::report(&checked, plan.revocations.trials);
    outage::report(&mut report, &outages, plan.recovery);
    if missing {
        report.row("faults of two replicas", "not run: there is no PostgreSQL");
    }
    Ok(report)
}
