//! Starts without a reader of their output: refused ones end, and good ones serve.

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::broken::ALL;
use super::calls::channel;
use super::pair::{folder, gatepost};
use super::process::Process;

#[test]
fn refused_start_ends_without_a_reader() {
    for broken in ALL {
        for (arguments, code) in [
            (&["auth", "--database-url", "no url"][..], 2),
            (&["auth", "--frob"], 2),
            (&["blog", "--listen", "127.0.0.1:0", "--database-url", "sqlite:/dev/null/blog.db"], 1),
        ] {
            let (stderr, _reader) = broken.open();
            let mut refused = Process::start(gatepost().args(arguments), stderr);
            assert_eq!(refused.wait().code(), Some(code), "{broken:?}: {arguments:?}");
        }
    }
}

/// Returns the addresses on which a process listens (proc(5), `net/tcp`).
fn listening(id: u32) -> Vec<SocketAddr> {
    let descriptors = fs::read_dir(format!("/proc/{id}/fd")).unwrap();
    let links =
        descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()?.into_os_string().into_string().ok());
    let inodes: HashSet<_> =
        links.filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let table = fs::read_to_string(format!("/proc/{id}/net/tcp")).unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let ours = rows.filter(|row| row[3] == "0A" && inodes.contains(row[9]));
    let ports = ours.map(|row| u16::from_str_radix(row[1].split_once(':').unwrap().1, 16).unwrap());
    ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stdout_without_a_reader_delays_no_start() {
    for broken in ALL {
        let folder = folder();
        let (stdout, _reader) = broken.open();
        let url = format!("sqlite:{}", folder.path().join("auth.db").display());
        let mut command = gatepost();
        command.args(["auth", "--listen", "127.0.0.1:0", "--database-url", &url]).stdout(stdout);
        // The test reads standard error, which ends with the process. Other tests read standard output.
        let (lines, stderr) = std::io::pipe().unwrap();
        let auth = Process::start_with_pipe(&mut command, stderr, lines);
        let address = loop {
            if let Some(address) = listening(auth.id()).first() {
                break *address;
            }
        };
        let answer = HealthClient::new(channel(address)).check(HealthCheckRequest::default()).await;
        assert!(answer.is_ok(), "{broken:?}: {answer:?}");
        auth.stop();
    }
}
