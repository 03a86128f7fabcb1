//! One fault, and the recovery from it.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::Code;

use super::PostgresFault;
use super::rig::PostgresDrill;
use crate::Failure;
use crate::drill::outage::FaultRound;
use crate::drill::{Broken, DrillClient, Operation};

/// Time without a fault before each one.
const CALM_TIME: Duration = Duration::from_millis(100);

/// Time limit until calls succeed after a fault. After that, the drill continues.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// Number of calls at once: the connections of a service's pools for reads and for writes.
const CONCURRENT_CALLS: usize = 8;

impl PostgresDrill {
    /// Causes one fault, waits until each operation has succeeded again, and then uses every connection at once.
    pub(super) async fn round(&self, fault: PostgresFault, length: Duration) -> Result<FaultRound, Failure> {
        sleep(CALM_TIME).await;
        let struck = fault.strike(&self.server, &self.proxy, length).await?;
        let succeeded = self.client.history.all(&Operation::ALL, struck.back, |answer| answer.code == Code::Ok);
        let mut broken = Vec::new();
        if timeout(RECOVERY_TIMEOUT, succeeded).await.is_err() {
            broken.push(Broken::new("every operation succeeds after a fault", format!("not after {fault:?}")));
        }
        broken.extend(all_at_once(&self.client).await?.into_iter().map(|seen| {
            let seen = format!("after {fault:?}, all connections at once: {seen}");
            Broken::new("each connection works after the fault", seen)
        }));
        Ok(FaultRound { outage: struck, broken })
    }
}

/// Uses every connection of both services at once, and returns the failures.
pub(super) async fn all_at_once(client: &DrillClient) -> Result<Vec<String>, Failure> {
    let mut calls = JoinSet::new();
    for operation in [Operation::VerifyToken, Operation::GetPost, Operation::CreatePost] {
        for _ in 0..CONCURRENT_CALLS {
            let client = client.clone();
            calls.spawn(
                async move { client.call(operation).await.map_err(|answer| format!("{operation:?}: {answer}")) },
            );
        }
    }
    let mut failed = Vec::new();
    while let Some(call) = calls.join_next().await {
        failed.extend(call?.err());
    }
    Ok(failed)
}
