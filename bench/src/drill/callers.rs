//! Clients that call all the time, each at its own interval, so that each fault meets calls in every state.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Answer, DrillClient, Operation};
use crate::Failure;

/// Callers that run until they are stopped.
#[derive(Debug)]
pub struct DrillCallers {
    tasks: JoinSet<()>,
    go_on: watch::Sender<bool>,
}

impl DrillCallers {
    /// Returns an empty set.
    pub fn none() -> Self {
        Self { tasks: JoinSet::new(), go_on: watch::Sender::new(true) }
    }

    /// Starts callers of all operations. A hash costs a core 20 ms, so operations that hash are rare: the drills test
    /// outages of a database, not an overloaded queue.
    pub fn mix(client: &DrillClient) -> Self {
        let mut callers = Self::none();
        for operation in Operation::ALL {
            let (count, beat) = match operation {
                Operation::Login | Operation::CreateUser => (1, 150),
                _ => (2, 15),
            };
            for _ in 0..count {
                callers.add(client, operation, Duration::from_millis(beat));
            }
        }
        callers
    }

    /// Adds a caller that calls at each interval, or at once if its last call took longer than that.
    pub fn add(&mut self, client: &DrillClient, operation: Operation, beat: Duration) {
        let (client, mut go_on) = (client.clone(), self.go_on.subscribe());
        self.tasks.spawn(async move {
            let mut beats = interval(beat);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while *go_on.borrow_and_update() {
                // The history has the outcome.
                let _: Result<(), Answer> = client.call(operation).await;
                beats.tick().await;
            }
        });
    }

    /// Lets each caller finish its call, and make no other.
    pub fn dismiss(&self) {
        self.go_on.send_replace(false);
    }

    /// Lets each caller finish its call, and waits for all.
    ///
    /// # Errors
    /// Fails if a caller has panicked.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.dismiss();
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}
