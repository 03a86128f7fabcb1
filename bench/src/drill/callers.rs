//! Clients that call all the time, each at its own interval, so that each fault meets calls in every state.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Answer, DrillClient, Operation};
use crate::Failure;

/// Operations of the eight writers. Two of the writers hash a password with each call.
const WRITER_OPERATIONS: [Operation; 8] = [
    Operation::CreatePost,
    Operation::CreatePost,
    Operation::CreatePost,
    Operation::CreatePost,
    Operation::CreatePost,
    Operation::CreatePost,
    Operation::CreateUser,
    Operation::CreateUser,
];

/// Callers that run until they are stopped.
#[derive(Debug)]
pub struct DrillCallers {
    tasks: JoinSet<()>,
    keeps_calling: watch::Sender<bool>,
}

impl DrillCallers {
    /// Returns an empty set.
    pub fn none() -> Self {
        Self { tasks: JoinSet::new(), keeps_calling: watch::Sender::new(true) }
    }

    /// Starts callers of all operations. A hash costs a core 20 ms, so operations that hash are rare. The drills test
    /// outages of a database, not an overloaded queue.
    pub fn mix(client: &DrillClient) -> Self {
        let mut callers = Self::none();
        for operation in Operation::ALL {
            let (count, period) = match operation {
                Operation::Login | Operation::CreateUser => (1, 150),
                _ => (2, 15),
            };
            for _ in 0..count {
                callers.add(client, operation, Duration::from_millis(period));
            }
        }
        callers
    }

    /// Starts the eight writers, which call without a pause.
    pub fn writers(client: &DrillClient) -> Self {
        let mut callers = Self::none();
        for operation in WRITER_OPERATIONS {
            callers.add(client, operation, Duration::from_millis(1));
        }
        callers
    }

    /// Adds a caller that calls once per `period`, or at once if its last call took longer.
    pub fn add(&mut self, client: &DrillClient, operation: Operation, period: Duration) {
        let (client, mut keeps_calling) = (client.clone(), self.keeps_calling.subscribe());
        self.tasks.spawn(async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while *keeps_calling.borrow_and_update() {
                // The history records the outcome.
                let _: Result<(), Answer> = client.call(operation).await;
                ticks.tick().await;
            }
        });
    }

    /// Lets each caller finish its call and start no other call.
    pub fn finish(&self) {
        self.keeps_calling.send_replace(false);
    }

    /// Lets each caller finish its call, and waits for all.
    ///
    /// # Errors
    /// Fails if a caller has panicked.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.finish();
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}
