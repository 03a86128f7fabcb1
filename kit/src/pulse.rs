//! Signs of life: a server says that it serves, and answers questions while its accept loop runs.

use std::sync::Arc;

use tokio::sync::watch;

use crate::shutdown::Shutdown;

/// Signs of life of a server. All clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<PulseState>);

#[derive(Debug, Default)]
struct PulseState {
    /// Cancelled once calls succeed.
    serves: Shutdown,
    /// Number of questions.
    asked: watch::Sender<u64>,
    /// Number of the last answered question.
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

    /// Answers questions in the task of `work` until it ends.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut asked = self.0.asked.subscribe();
        asked.mark_changed();
        let answering = async {
            // The state holds the sender, so the wait cannot fail.
            while asked.changed().await.is_ok() {
                let question = *asked.borrow_and_update();
                self.0.answered.send_replace(question);
            }
        };
        tokio::select! {
            done = work => done,
            () = answering => std::future::pending().await,
        }
    }

    /// Asks for a sign of life, and waits for it.
    pub(crate) async fn beat(&self) {
        let mut question = 0;
        self.0.asked.send_modify(|asked| {
            *asked += 1;
            question = *asked;
        });
        let mut answered = self.0.answered.subscribe();
        // The state holds the sender, so the wait cannot fail.
        let _ = answered.wait_for(|answered| *answered >= question).await;
    }

    /// Returns the number of questions since the last answer.
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
    async fn only_running_work_gives_signs_of_life() {
        let pulse = Pulse::default();
        let ask = || timeout(Duration::from_secs(1), pulse.beat());
        assert!(ask().await.is_err(), "no work runs yet");
        let end = Shutdown::new();
        let (working, end_of_work) = (pulse.clone(), end.clone());
        let work = tokio::spawn(async move { working.during(end_of_work.cancelled()).await });
        for _ in 0..3 {
            ask().await.unwrap();
        }
        end.cancel();
        work.await.unwrap();
        assert!(ask().await.is_err(), "the work has ended");
    }
}
