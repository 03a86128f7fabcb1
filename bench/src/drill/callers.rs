//! Clients that call without end, each on its own beat, so that the faults meet calls in every state.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Answer, Client, Operation};
use crate::Failure;

/// Callers that are calling, until they are stopped.
#[derive(Debug)]
pub struct Callers {
    tasks: JoinSet<()>,
    go_on: watch::Sender<bool>,
}

impl Callers {
    /// Nobody yet.
    pub fn none() -> Self {
        Self { tasks: JoinSet::new(), go_on: watch::Sender::new(true) }
    }

    /// The mix of all operations. A password costs a core 20 ms, so those that hash one are seldom: the drills break a
    /// database, not a queue.
    pub fn mix(client: &Client) -> Self {
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

    /// Adds one that makes a call at each beat, or at once when the last has taken longer.
    pub fn add(&mut self, client: &Client, operation: Operation, beat: Duration) {
        let (client, mut go_on) = (client.clone(), self.go_on.subscribe());
        self.tasks.spawn(async move {
            let mut beats = interval(beat);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while *go_on.borrow_and_update() {
                // What became of it stands in the history.
                let _: Result<(), Answer> = client.call(operation).await;
                beats.tick().await;
            }
        });
    }

    /// Lets each end the call that it is making, and make no other.
    pub fn dismiss(&self) {
        self.go_on.send_replace(false);
    }

    /// The same, and waits for it.
    ///
    /// # Errors
    /// When one has panicked.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.dismiss();
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}
