//! Notifications to systemd (`sd_notify(3)`): ready, alive for the watchdog, and stopping.
//!
//! The crates for this protocol read the process's environment themselves, which only `main` may do here.

use std::convert::Infallible;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdDatagram};
use std::time::Duration;

use tokio::net::UnixDatagram;
use tokio::time::{sleep, timeout};

use crate::config::Environment;
use crate::lifecycle::Lifecycle;
use crate::shutdown::Shutdown;

/// Socket of the service manager, and the interval of its watchdog.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: UnixDatagram,
    /// Time after which the manager kills a process without a sign of life.
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Opens the socket that `NOTIFY_SOCKET` names; `None` without a service manager. Call it inside a runtime.
    pub(crate) fn from_environment(environment: Environment) -> Option<Self> {
        match Self::open(environment) {
            Ok(notifier) => notifier,
            Err(problem) => {
                tracing::warn!("systemd cannot be notified: {problem}");
                None
            }
        }
    }

    fn open(environment: Environment) -> Result<Option<Self>, String> {
        let text = |name| environment.text(name).map_err(|error| error.to_string());
        let Some(address) = text("NOTIFY_SOCKET")? else { return Ok(None) };
        let watchdog = watchdog(text("WATCHDOG_USEC")?.as_deref(), text("WATCHDOG_PID")?.as_deref())?;
        let socket = connect(&address).map_err(|error| format!("NOTIFY_SOCKET: {error}"))?;
        Ok(Some(Self { socket, watchdog }))
    }

    /// Notifies the manager when all services serve, while they are alive, and when they leave.
    pub(crate) async fn report(self, services: Vec<Lifecycle>, leaving: Shutdown) {
        let serving = async {
            for service in &services {
                service.pulse().serving().await;
            }
            self.send("READY=1\nSTATUS=serving").await;
            match self.watchdog {
                Some(limit) => self.notify_watchdog(&services, limit / 2).await,
                None => std::future::pending().await,
            }
        };
        let _: Option<Infallible> = leaving.run_until_cancelled(serving).await;
        self.send("STOPPING=1\nSTATUS=stopping").await;
    }

    /// Notifies the watchdog while each accept loop answers in time. A blocked runtime does not run this task either.
    async fn notify_watchdog(&self, services: &[Lifecycle], interval: Duration) -> Infallible {
        loop {
            let beats = async {
                for service in services {
                    service.pulse().beat().await;
                }
            };
            if timeout(interval, beats).await.is_ok() {
                self.send("WATCHDOG=1").await;
            } else {
                tracing::error!("the accept loop does not respond: systemd's watchdog is not notified");
            }
            sleep(interval).await;
        }
    }

    async fn send(&self, state: &str) {
        if let Err(error) = self.socket.send(state.as_bytes()).await {
            tracing::warn!(%error, state, "notification to systemd failed");
        }
    }
}

/// Connects to a socket of the file system (`/…`) or of the abstract namespace (`@…`).
fn connect(address: &str) -> io::Result<UnixDatagram> {
    let address = match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None if address.starts_with('/') => SocketAddr::from_pathname(address)?,
        None => return Err(io::Error::other("must begin with / or @")),
    };
    let socket = StdDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

/// Returns the watchdog's limit, if it is meant for this process.
fn watchdog(limit: Option<&str>, process: Option<&str>) -> Result<Option<Duration>, String> {
    let Some(limit) = limit else { return Ok(None) };
    if process.is_some_and(|process| process != std::process::id().to_string()) {
        return Ok(None);
    }
    match limit.parse() {
        Ok(0) | Err(_) => Err("WATCHDOG_USEC: must be a number of microseconds".to_owned()),
        Ok(limit) => Ok(Some(Duration::from_micros(limit))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than any wait on a busy machine.
    const LIMIT: Duration = Duration::from_mins(1);

    /// Returns the manager's socket, and a notifier that is connected to it.
    fn manager(address: &str, watchdog: Option<Duration>) -> (UnixDatagram, Notifier) {
        let place = match address.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).unwrap(),
            None => SocketAddr::from_pathname(address).unwrap(),
        };
        let socket = StdDatagram::bind_addr(&place).unwrap();
        socket.set_nonblocking(true).unwrap();
        let notifier = Notifier { socket: connect(address).unwrap(), watchdog };
        (UnixDatagram::from_std(socket).unwrap(), notifier)
    }

    async fn next_message(manager: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let length = timeout(LIMIT, manager.recv(&mut bytes)).await.expect("a notification").unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn manager_is_notified_when_all_serve_and_leave() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify").display().to_string();
        for address in [path, format!("@gatepost-test-{}", std::process::id())] {
            let (manager, notifier) = manager(&address, None);
            let front = Lifecycle::from(Shutdown::new());
            let behind = front.behind();
            let services = vec![front.clone(), behind.clone()];
            let reporting = tokio::spawn(notifier.report(services, front.leaving().clone()));
            front.pulse().set_serving();
            assert!(manager.try_recv(&mut [0; 256]).is_err(), "one service does not serve yet");
            behind.pulse().set_serving();
            assert!(next_message(&manager).await.starts_with("READY=1\n"));
            front.leaving().cancel();
            assert!(next_message(&manager).await.starts_with("STOPPING=1\n"));
            reporting.await.unwrap();
        }
    }

    #[tokio::test]
    async fn watchdog_is_notified_while_accept_loop_runs() {
        let folder = tempfile::tempdir().unwrap();
        let address = folder.path().join("notify").display().to_string();
        let (manager, notifier) = manager(&address, Some(Duration::from_millis(100)));
        let life = Lifecycle::from(Shutdown::new());
        life.pulse().set_serving();
        let reporting = tokio::spawn(notifier.report(vec![life.clone()], life.leaving().clone()));
        assert!(next_message(&manager).await.starts_with("READY=1"));
        let end = Shutdown::new();
        let (pulse, end_of_loop) = (life.pulse().clone(), end.clone());
        let accepting = tokio::spawn(async move { pulse.during(end_of_loop.cancelled()).await });
        assert_eq!(next_message(&manager).await, "WATCHDOG=1");
        assert_eq!(next_message(&manager).await, "WATCHDOG=1");
        end.cancel();
        accepting.await.unwrap();
        // A watchdog message may be on its way. The message after it is the stop.
        timeout(LIMIT, async {
            while life.pulse().unanswered() < 3 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        life.leaving().cancel();
        let mut message = next_message(&manager).await;
        if message == "WATCHDOG=1" {
            message = next_message(&manager).await;
        }
        assert!(message.starts_with("STOPPING=1"), "{message}");
        reporting.await.unwrap();
    }

    #[test]
    fn watchdog_of_another_process_is_not_notified() {
        let own = std::process::id().to_string();
        assert_eq!(watchdog(None, None), Ok(None));
        assert_eq!(watchdog(Some("2000000"), Some(&own)), Ok(Some(Duration::from_secs(2))));
        assert_eq!(watchdog(Some("2000000"), Some("1")), Ok(None));
        assert!(watchdog(Some("soon"), None).is_err() && watchdog(Some("0"), None).is_err());
    }

    #[test]
    fn other_addresses_are_refused() {
        assert!(connect("vsock:2:1234").is_err() && connect("").is_err());
    }
}
