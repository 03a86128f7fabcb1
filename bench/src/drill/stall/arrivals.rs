//! Calls that arrive at a constant rate, whatever the answers are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::client::{CallOutcome, StallClient};
use super::plan::{RetryBehavior, StallSubject, StalledOperation};
use crate::Failure;

/// A call with its repetitions.
#[derive(Clone, Debug)]
pub(super) struct ArrivedCall {
    pub(super) client: usize,
    pub(super) operation: StalledOperation,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
    pub(super) outcome: CallOutcome,
}

/// The clients, and their calls.
pub(super) struct StallArrivals {
    pub(super) clients: Vec<StallClient>,
    pub(super) subject: StallSubject,
    pub(super) retry: RetryBehavior,
    calls: Arc<Mutex<Vec<ArrivedCall>>>,
}

impl StallArrivals {
    pub(super) fn new(clients: Vec<StallClient>, subject: StallSubject, retry: RetryBehavior) -> Self {
        Self { clients, subject, retry, calls: Arc::default() }
    }

    /// Lets each client call for this long, one call after the other. Returns the successes in a second.
    pub(super) async fn saturate(&self, length: Duration) -> Result<f64, Failure> {
        let (mut clients, begun, operations) = (JoinSet::new(), Instant::now(), self.subject.operations());
        for (number, client) in self.clients.iter().cloned().enumerate() {
            clients.spawn(async move {
                let mut good = 0_u32;
                for operation in operations.iter().cycle().skip(number) {
                    if begun.elapsed() >= length {
                        break;
                    }
                    good += u32::from(client.attempt(*operation, operation.deadline()).await.is_ok());
                }
                good
            });
        }
        let mut all = 0;
        while let Some(good) = clients.join_next().await {
            all += good?;
        }
        Ok(f64::from(all) / begun.elapsed().as_secs_f64())
    }

    /// Starts calls at this rate for this long. The clients and the operations take turns. Waits until all calls have
    /// ended, and returns them in the order of their start.
    pub(super) async fn arrive(&self, rate: f64, length: Duration) -> Vec<ArrivedCall> {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (end, operations, mut open) = (Instant::now() + length, self.subject.operations(), JoinSet::new());
        for number in 0.. {
            if ticks.tick().await >= end {
                break;
            }
            while open.try_join_next().is_some() {}
            let (round, client) = (number / self.clients.len(), number % self.clients.len());
            let operation = operations[(number + round) % operations.len()];
            let (one, retry, calls) = (self.clients[client].clone(), self.retry, Arc::clone(&self.calls));
            open.spawn(async move {
                let begun = Instant::now();
                let outcome = one.call(operation, retry).await;
                let call = ArrivedCall { client, operation, begun, ended: Instant::now(), outcome };
                calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
            });
        }
        while open.join_next().await.is_some() {}
        let mut calls = std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner));
        calls.sort_by_key(|call| call.begun);
        calls
    }
}
