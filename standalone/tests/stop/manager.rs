//! A service manager is notified when a process is ready, alive and stopping (`sd_notify(3)`).

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use testkit::http;

use super::pair::{Outcome, folder, gatepost};
use super::process::{Process, service};

/// Limit for a notification on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

struct Manager(UnixDatagram);

impl Manager {
    fn new(socket: &Path) -> Self {
        let socket = UnixDatagram::bind(socket).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        Self(socket)
    }

    fn next_message(&self) -> String {
        let mut bytes = [0; 256];
        let length = self.0.recv(&mut bytes).expect("a notification");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    /// Waits for the stop, and counts the watchdog messages before it.
    fn wait_for_stop(&self) -> usize {
        std::iter::repeat_with(|| self.next_message()).take_while(|message| message == "WATCHDOG=1").count()
    }
}

fn auth(folder: &Path) -> Command {
    service("auth", &format!("sqlite:{}", folder.join("auth.db").display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn manager_is_notified_of_ready_alive_and_stopping() -> Outcome {
    let folder = folder();
    let socket = folder.path().join("notify");
    let manager = Manager::new(&socket);
    let mut command = auth(folder.path());
    let mut auth = Process::start(command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "200000"), Stdio::null());
    assert_eq!(manager.next_message(), "READY=1\nSTATUS=serving");
    let ops = auth.address("auth-service operations on ");
    assert_eq!(http::get(ops, "/readyz").await.status, 200);
    assert_eq!((manager.next_message(), manager.next_message()), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));
    auth.signal(Signal::TERM);
    manager.wait_for_stop();
    assert_eq!(auth.wait().code(), Some(0));
    Ok(())
}

#[test]
fn pair_is_ready_when_both_services_are() {
    let folder = folder();
    let socket = folder.path().join("notify");
    let manager = Manager::new(&socket);
    let mut command = gatepost();
    command
        .args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path().join("data"))
        .env("NOTIFY_SOCKET", &socket);
    let mut pair = Process::start(&mut command, Stdio::null());
    assert_eq!(manager.next_message(), "READY=1\nSTATUS=serving");
    pair.signal(Signal::TERM);
    assert_eq!(manager.wait_for_stop(), 0);
    assert_eq!(pair.wait().code(), Some(0));
}

#[test]
fn refused_start_is_never_ready() {
    let folder = folder();
    let socket = folder.path().join("notify");
    let manager = Manager::new(&socket);
    let mut command = gatepost();
    command.args(["auth", "--listen", "127.0.0.1:0", "--database-url", "sqlite:/dev/null/auth.db"]);
    let mut refused = Process::start(command.env("NOTIFY_SOCKET", &socket), Stdio::null());
    assert_eq!(refused.wait().code(), Some(1));
    manager.0.set_nonblocking(true).unwrap();
    let mut bytes = [0; 256];
    while let Ok(length) = manager.0.recv(&mut bytes) {
        assert!(!bytes[..length].starts_with(b"READY=1"));
    }
}

#[test]
fn manager_that_is_gone_stops_no_service() {
    let folder = folder();
    for address in ["/nowhere/notify", "vsock:2:1", "@gatepost-nobody"] {
        let mut command = auth(folder.path());
        let auth = Process::start(command.env("NOTIFY_SOCKET", address), Stdio::null());
        auth.address("auth-service listening on ");
        auth.stop();
    }
}
