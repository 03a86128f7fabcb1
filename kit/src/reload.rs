//! Requests of the operator to read files again: SIGHUP, which `main` passes on.

use tokio::sync::watch;

/// Sender of reload requests, for `main`.
#[derive(Debug)]
pub struct ReloadTrigger(watch::Sender<()>);

/// Receiver of reload requests. Each clone receives each request.
#[derive(Clone, Debug)]
pub struct Reload(watch::Receiver<()>);

/// Creates a trigger and its receiver.
pub fn reload() -> (ReloadTrigger, Reload) {
    let (sender, receiver) = watch::channel(());
    (ReloadTrigger(sender), Reload(receiver))
}

impl ReloadTrigger {
    /// Requests a reload. Returns false if no part of the process reads files again.
    pub fn request(&self) -> bool {
        self.0.send(()).is_ok()
    }
}

impl Default for Reload {
    /// Returns a receiver that never gets a request.
    fn default() -> Self {
        reload().1
    }
}

impl Reload {
    /// Waits for the next request. Several requests before the call count as one.
    pub async fn requested(&mut self) {
        if self.0.changed().await.is_err() {
            // The trigger is gone, so there will be no request.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_receiver_gets_a_request_once() {
        let (trigger, mut one) = reload();
        let mut two = one.clone();
        assert!(trigger.request() && trigger.request());
        for receiver in [&mut one, &mut two] {
            receiver.requested().await;
            assert!(timeout(Duration::from_secs(1), receiver.requested()).await.is_err());
        }
        drop((one, two));
        assert!(!trigger.request(), "no receiver is left");
        assert!(timeout(Duration::from_secs(1), Reload::default().requested()).await.is_err());
    }
}
