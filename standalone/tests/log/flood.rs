//! Calls without a good token: each is counted, and few are logged.

use std::io::{self, Read as _, Write as _, pipe};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use gatepost::api::auth::v1::RefreshTokenRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use testkit::tls::Authority;
use testkit::{MetricsText, Raw};

use super::calls::channel;
use super::pair::{Outcome, folder};
use super::process::{Process, metric, service};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_and_few_are_logged() -> Outcome {
    const CALLS: u64 = 500;
    let folder = folder();
    let (auth, reading) = logged(folder.path(), &[]);
    let (ops, address) = (auth.address("auth-service operations on "), auth.address("auth-service listening on "));
    let begun = Instant::now();
    let (raw, path) = (Raw::connect(address).await, format!("/gatepost.auth.v1.{}/GetMe", "a".repeat(8000)));
    let mut sessions = AuthServiceClient::new(channel(address));
    for _ in 0..CALLS {
        raw.unary(&path, &[("api-token", "x")], &[]).await.unwrap_err();
        sessions
            .refresh_token(RefreshTokenRequest { refresh_token: "x".into(), ..RefreshTokenRequest::default() })
            .await
            .unwrap_err();
    }
    let denied = r#"gatepost_guard_decisions_total{result="deny",reason="TOKEN_INVALID"}"#;
    assert_eq!(metric(ops, denied).await, CALLS);
    assert_eq!(metric(ops, "gatepost_refresh_refused_total").await, CALLS);
    auth.stop();
    let text = reading.join().unwrap()?;
    for kind in ["TOKEN_INVALID", "refresh_refused"] {
        has_few(&text, kind, begun);
    }
    assert!(text.contains("aaaa…"), "a long path is cut and marked: {text}");
    Ok(())
}

/// Starts an auth service with these settings. Returns it, and a thread that reads its log.
fn logged(folder: &Path, settings: &[(&str, &Path)]) -> (Process, JoinHandle<io::Result<String>>) {
    let (mut reader, stderr) = pipe().unwrap();
    let mut command = service("auth", &format!("sqlite:{}", folder.join("auth.db").display()));
    let auth = Process::start(command.envs(settings.iter().copied()), stderr);
    let reading = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    (auth, reading)
}

/// Checks that the log has some lines of this kind, but no flood of them.
#[track_caller]
fn has_few(text: &str, kind: &str, begun: Instant) {
    let most = 10 * (usize::try_from(begun.elapsed().as_secs()).unwrap() + 2);
    let lines: Vec<_> = text.lines().filter(|line| line.contains(kind)).collect();
    assert!((10..=most).contains(&lines.len()), "{} lines of {kind}", lines.len());
    assert!(lines.iter().all(|line| line.len() < 400), "{lines:?}");
}

/// One caller cannot fill the log with failed handshakes, on either port.
#[tokio::test(flavor = "multi_thread")]
async fn failed_handshakes_are_counted_and_few_logged() -> Outcome {
    const CONNECTIONS: usize = 300;
    let (folder, authority) = (folder(), Authority::new("authority"));
    let ca = authority.write(folder.path(), "ca");
    let server = authority.issue(&["localhost"]).write(folder.path(), "server");
    let (auth, reading) =
        logged(folder.path(), &[("AUTH_TLS_CERT", &server.certificate), ("AUTH_TLS_KEY", &server.key)]);
    let (ops, address) = (auth.address("auth-service operations on "), auth.address("auth-service listening on "));
    let begun = Instant::now();
    for port in [address, ops] {
        for _ in 0..CONNECTIONS {
            // The answer ends with the connection.
            let answer = testkit::http::ask(port, "GET / HTTP/1.1\r\n\r\n").await;
            assert!(!answer.starts_with("HTTP"), "{answer}");
        }
    }
    let page = testkit::http::get_by_tls(ops, &ca, "/metrics").await.body;
    assert_eq!(MetricsText(page).count("gatepost_tls_handshakes_failed_total"), 2 * CONNECTIONS as u64);
    auth.stop();
    let text = reading.join().unwrap()?;
    has_few(&text, "TLS handshake failed", begun);
    Ok(())
}

/// Sends many PING acknowledgments without a PING, and waits until the server has read them all.
fn acknowledge_nothing(address: SocketAddr, count: usize) {
    const PING: [u8; 9] = [0, 0, 8, 6, 0, 0, 0, 0, 0];
    const PING_ACK: [u8; 9] = [0, 0, 8, 6, 1, 0, 0, 0, 0];
    const OURS: [u8; 8] = *b"the last";
    const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let mut stream = TcpStream::connect(address).unwrap();
    let acks = [&PING_ACK[..], b"no PING!"].concat().repeat(count);
    stream
        .write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &EMPTY_SETTINGS[..], &acks, &PING, &OURS].concat())
        .unwrap();
    let answer = [&PING_ACK[..], &OURS].concat();
    let mut read = Vec::new();
    while !read.windows(answer.len()).any(|bytes| bytes == answer) {
        let mut more = [0; 1024];
        let length = stream.read(&mut more).unwrap();
        assert!(length > 0, "the server ends the connection: {read:?}");
        read.extend_from_slice(&more[..length]);
    }
}

#[test]
fn frames_of_a_peer_make_no_lines() {
    let folder = folder();
    let (auth, reading) = logged(folder.path(), &[]);
    acknowledge_nothing(auth.address("auth-service listening on "), 200);
    auth.stop();
    let text = reading.join().unwrap().unwrap();
    assert!(!text.contains("PING"), "{text}");
}
