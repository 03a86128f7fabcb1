//! The whole drill: set-up, rounds, and the check at the end.

use std::time::Duration;

use super::PostgresFault;
use super::rig::PostgresDrill;
use super::round::all_at_once;
use crate::Failure;
use crate::drill::held;
use crate::drill::outage::{FaultRound, check};
use crate::drill::{Broken, DrillCallers, Operation, Random, RecordedCall, Report};

/// The plan of a drill.
#[derive(Clone, Debug)]
pub struct PostgresPlan {
    /// The faults, in order.
    pub faults: Vec<PostgresFault>,
    /// The seed of random choices.
    pub seed: u64,
    /// Time limit for the first success after a fault.
    pub bound: Duration,
}

impl PostgresPlan {
    /// Returns a plan with random faults.
    pub fn random(rounds: usize, seed: u64, bound: Duration) -> Self {
        let mut random = Random::new(seed);
        Self { faults: (0..rounds).map(|_| random.one_of(&PostgresFault::ALL)).collect(), seed, bound }
    }
}

impl PostgresDrill {
    /// Runs the plan, and checks at the end that the data agrees with the answers.
    ///
    /// # Errors
    /// Fails if the drill itself cannot continue.
    pub async fn run(self, plan: &PostgresPlan) -> Result<Report, Failure> {
        let mut report = Report::default();
        let mut random = Random::new(plan.seed);
        let callers = DrillCallers::mix(&self.client);
        let mut outages = Vec::new();
        for fault in &plan.faults {
            let FaultRound { outage, broken } = self.round(*fault, random.millis(100, 800)).await?;
            outages.push(outage);
            report.broken.extend(broken);
        }
        callers.stop().await?;
        let failed = all_at_once(&self.client).await?;
        report.broken.extend(failed.into_iter().map(|seen| Broken::new("each connection works after the fault", seen)));
        let calls = self.client.history.calls().clone();
        report.broken.extend(calls.iter().filter(|call| !is_allowed(call)).map(|call| {
            let seen = format!("{:?}: {}, {}", call.operation, call.answer, call.answer.message);
            Broken::new("a call without the database ends with UNAVAILABLE or DEADLINE_EXCEEDED", seen)
        }));
        check(&mut report, &calls, &outages, &Operation::ALL, plan.bound);
        self.end(&mut report).await?;
        Ok(report)
    }

    /// Checks the server and the content of the databases.
    async fn end(self, report: &mut Report) -> Result<(), Failure> {
        for name in &self.databases {
            let left = self.server.transactions(name).await?;
            report.broken.extend(
                left.into_iter().map(|seen| Broken::new("no transaction stays open after the last call", seen)),
            );
        }
        held::writes(report, &self.client).await?;
        self.services.stop()
    }
}

fn is_allowed(call: &RecordedCall) -> bool {
    call.answer.is_honest() && call.answer.reason != "STORE_FULL"
}
