//! Task that reads the TLS files again when they change.

use std::time::Duration;

use gatepost::tls::ClientTls;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::server::ServerTls;
use super::settings::since_1970;
use crate::Clock;
use crate::reload::Reload;
use crate::shutdown::Shutdown;

/// Pause between two checks of the files. Their contents are compared, because Kubernetes swaps links to folders.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// TLS of a process: of its ports, and of its client of the auth service.
#[derive(Clone, Debug, Default)]
pub struct TlsParts {
    /// TLS of the ports, if they use it.
    pub server: Option<ServerTls>,
    /// TLS to the auth service, if the client uses it.
    pub client: Option<ClientTls>,
}

impl TlsParts {
    /// Returns true if no part uses TLS.
    pub fn is_empty(&self) -> bool {
        self.server.is_none() && self.client.is_none()
    }

    /// Reads changed files every 5 s and at each request of the operator, until `stop`. Without TLS it only waits.
    pub async fn follow(self, mut reload: Reload, clock: Clock, stop: Shutdown) {
        if self.is_empty() {
            return stop.cancelled().await;
        }
        let checking = async {
            loop {
                tokio::select! {
                    () = sleep(CHECK_INTERVAL) => {}
                    () = reload.requested() => tracing::info!("SIGHUP: TLS files are read again"),
                }
                let (parts, now) = (self.clone(), since_1970(&clock));
                // Files may be on a network. A panic is logged, and the next check is made.
                let _ = spawn_blocking(move || parts.refresh(now)).await;
            }
        };
        let _: Option<()> = stop.run_until_cancelled(checking).await;
    }

    fn refresh(&self, now: Duration) {
        if let Some(server) = &self.server {
            server.refresh(now);
        }
        if let Some(client) = &self.client {
            client.refresh();
        }
    }
}
