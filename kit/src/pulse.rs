//! Liveness of a server: it reports that it serves, and answers liveness checks while its accept loop runs.

use std::sync::Arc;

use tokio::sync::watch;

use crate::shutdown::Shutdown;

/// Liveness of a server. All clones share one state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<PulseState>);

#[derive(Debug, Default)]
struct PulseState {
    /// Token that is cancelled once calls succeed.
    serves: Shutdown,
    /// Number of liveness checks so far.
    asked: watch::Sender<u64>,
    /// Number of the last answered check.
    answered: watch::Sender<u64>,
}

impl Pulse {
    /// Notes that calls succeed from now on.
    pub(crate) fn set_serving(&self) {
        self.0.serves.cancel();
    }

    /// Waits until calls succeed.
    pub(crate) async fn serving(&self) {
        self.0.serves.cancelled().await;
    }

    /// Runs `work`, and answers liveness checks in the same task until `work` ends.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut asked = self.0.asked.subscribe();
        asked.mark_changed();
        let answering = async {
            // The state holds the sender, so the wait cannot fail.
            while asked.changed().await.is_ok() {
                let check = *asked.borrow_and_update();
                self.0.answered.send_replace(check);
            }
        };
        tokio::select! {
            done = work => done,
            () = answering => std::future::pending().await,
        }
    }

    /// Starts a liveness check, and waits for its answer.
    pub(crate) async fn beat(&self) {
        let mut check = 0;
        self.0.asked.send_modify(|asked| {
            *asked += 1;
            check = *asked;
        });
        let mut answered = self.0.answered.subscribe();
        // The state holds the sender, so the wait cannot fail.
        let _ = answered.wait_for(|answered| *answered >= check).await;
    }

    /// Returns the number of liveness checks since the last answered one.
    #[cfg(test)]
    pub(crate) fn unanswered(&self) -> u64 {
        *self.0.asked.borrow() - *self.0.answered.borrow()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn liveness_check_needs_running_work() {
        let pulse = Pulse::default();
        let check = || timeout(Duration::from_secs(1), pulse.beat());
        assert!(check().await.is_err(), "no work runs yet");
        let end = Shutdown::new();
        let (working, end_of_work) = (pulse.clone(), end.clone());
        let work = tokio::spawn(async move { working.during(end_of_work.cancelled()).await });
        for _ in 0..3 {
            check().await.unwrap();
        }
        end.cancel();
        work.await.unwrap();
        assert!(check().await.is_err(), "the work has ended");
    }
}
