//! Calls without a good token: each is counted, and few are logged.

use std::io::{Read as _, Write as _, pipe};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Instant;

use gatepost::api::auth::v1::RefreshTokenRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use testkit::Raw;

use super::calls::channel;
use super::pair::{Outcome, folder};
use super::process::{Process, metric, service};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_and_few_are_logged() -> Outcome {
    const CALLS: u64 = 500;
    let folder = folder();
    let (mut reader, stderr) = pipe()?;
    let mut command = service("auth", &format!("sqlite:{}", folder.path().join("auth.db").display()));
    let auth = Process::start(&mut command, stderr);
    let reading = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
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
    let most = 10 * (usize::try_from(begun.elapsed().as_secs())? + 2);
    let text = reading.join().unwrap()?;
    for kind in ["TOKEN_INVALID", "refresh_refused"] {
        let lines: Vec<_> = text.lines().filter(|line| line.contains(kind)).collect();
        assert!((10..=most).contains(&lines.len()), "{} lines of {kind}", lines.len());
        assert!(lines.iter().all(|line| line.len() < 400), "{lines:?}");
    }
    assert!(text.contains("aaaa…"), "a long path is cut and marked: {text}");
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
    let (mut reader, stderr) = pipe().unwrap();
    let mut command = service("auth", &format!("sqlite:{}", folder.path().join("auth.db").display()));
    let auth = Process::start(&mut command, stderr);
    acknowledge_nothing(auth.address("auth-service listening on "), 200);
    auth.stop();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(!text.contains("PING"), "{text}");
}
