//! Signals in each phase of a process: before the service is up, while it waits, while it leaves, and while it drains.

use std::io::{BufRead as _, BufReader, PipeReader, pipe};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use testkit::{Raw, http};
use tokio::net::{TcpListener, TcpStream};
use tonic::codegen::http::Request;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::pair::{Outcome, folder, gatepost};
use super::process::{Process, service};

const KEY: (&str, &str) = ("AUTH_MASTER_KEY", "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM=");

/// Longer than the limit of a test: only a signal ends this delay.
const LONG: [&str; 2] = ["--shutdown-delay", "1h"];

const VERIFY: &str = "/gatepost.auth.v1.TokenService/VerifyToken";

/// Starts the command, and returns it with the lines of its standard error.
fn started(command: &mut Command) -> (Process, impl Iterator<Item = String> + use<>) {
    let (reader, stderr): (PipeReader, _) = pipe().unwrap();
    (Process::start(command, stderr), BufReader::new(reader).lines().map_while(Result::ok))
}

fn auth(folder: &std::path::Path) -> Command {
    service("auth", &format!("sqlite:{}", folder.join("auth.db").display()))
}

async fn health(address: SocketAddr) -> ServingStatus {
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap().into_inner().status()
}

/// Opens a call on a server, and leaves its request unfinished. Keep the result.
async fn unfinished_call(address: SocketAddr) -> impl Sized {
    let stream = TcpStream::connect(address).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut send = send.ready().await.unwrap();
    let request = http_request();
    let (answer, body) = send.send_request(request, false).unwrap();
    // The server has the stream once it has answered a later one.
    let raw = Raw::connect(address).await;
    raw.unary(VERIFY, &[], &[]).await.unwrap();
    (send, answer, body)
}

fn http_request() -> Request<()> {
    let request = Request::builder().method("POST").uri(format!("http://localhost{VERIFY}"));
    request.header("content-type", "application/grpc").header("te", "trailers").body(()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_leaves_and_a_second_one_ends_at_once() -> Outcome {
    let folder = folder();
    let (mut auth, mut log) = started(auth(folder.path()).args(LONG));
    let ops = auth.address("auth-service operations on ");
    let address = auth.address("auth-service listening on ");
    auth.signal(Signal::TERM);
    assert!(log.any(|line| line.contains("health says NOT_SERVING: calls are accepted for another 3600s")));
    assert_eq!(http::get(ops, "/readyz").await.status, 503);
    assert_eq!(http::get(ops, "/livez").await.status, 200);
    assert_eq!(health(address).await, ServingStatus::NotServing);
    Raw::connect(address).await.unary(VERIFY, &[], &[]).await?;
    auth.signal(Signal::TERM);
    assert_eq!(auth.wait().code(), Some(1));
    assert_eq!(log.last().as_deref(), Some("gatepost: stopped at once by a second signal"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_skips_the_delay() {
    let folder = folder();
    for second in [false, true] {
        let (mut auth, mut log) = started(auth(folder.path()).args(LONG));
        auth.address("auth-service listening on ");
        if second {
            auth.signal(Signal::TERM);
            assert!(log.any(|line| line.contains("health says NOT_SERVING")));
        }
        auth.signal(Signal::INT);
        let code = i32::from(second);
        assert_eq!(auth.wait().code(), Some(code), "any second signal ends the process at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_ends_a_drain_at_once() {
    let folder = folder();
    let (mut auth, mut log) = started(&mut auth(folder.path()));
    let address = auth.address("auth-service listening on ");
    let _call = unfinished_call(address).await;
    auth.signal(Signal::TERM);
    assert!(log.any(|line| line.contains("auth-service drains: running calls have 10s")));
    auth.signal(Signal::TERM);
    assert_eq!(auth.wait().code(), Some(1));
    assert_eq!(log.last().as_deref(), Some("gatepost: stopped at once by a second signal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn drained_process_ends_with_code_zero_and_says_so() {
    let folder = folder();
    let (mut auth, log) = started(&mut auth(folder.path()));
    let address = auth.address("auth-service listening on ");
    Raw::connect(address).await.unary(VERIFY, &[], &[]).await.unwrap();
    auth.signal(Signal::TERM);
    assert_eq!(auth.wait().code(), Some(0));
    let lines: Vec<_> = log.filter(|line| line.contains("drains") || line.contains("gatepost: ")).collect();
    assert!(matches!(&lines[..], [line] if line.contains("INFO")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_wait_for_a_database() -> Outcome {
    // One server refuses, the other one accepts and is silent.
    let refuses = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    for address in [refuses, silent.local_addr()?] {
        let url = format!("postgres://auth@{address}/auth?sslmode=disable");
        let (mut auth, mut log) = started(service("auth", &url).args(LONG).envs([KEY]));
        let ops = auth.address("auth-service operations on ");
        assert!(log.any(|line| line.contains("does not answer yet")));
        assert_eq!(http::get(ops, "/readyz").await.status, 503);
        auth.signal(Signal::TERM);
        assert_eq!(auth.wait().code(), Some(0));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_at_any_moment_of_a_start_ends_it() {
    let folder = folder();
    for round in 0..20_u64 {
        let mut auth = Process::start(&mut auth(folder.path()), Stdio::null());
        // Each round sends the signal a little later: it reads the clock this many times first.
        for _ in 0..round * 200_000 {
            std::hint::black_box(std::time::Instant::now());
        }
        auth.signal(Signal::TERM);
        let ended = auth.wait();
        // Before the handler is installed, the signal itself ends the process.
        let by_signal = std::os::unix::process::ExitStatusExt::signal(&ended) == Some(Signal::TERM.as_raw());
        assert!(ended.code() == Some(0) || by_signal, "round {round}: {ended}");
    }
}

/// Starts a pair with these flags, and returns it with its ports for operations and calls: auth and blog.
fn pair(folder: &std::path::Path, flags: &[&str]) -> (Process, [SocketAddr; 4]) {
    let mut command = gatepost();
    command
        .args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder)
        .args(flags)
        .envs([("AUTH_OPS_LISTEN", "127.0.0.1:0"), ("BLOG_OPS_LISTEN", "127.0.0.1:0")]);
    let pair = Process::start(&mut command, Stdio::null());
    let mut addresses = [None; 4];
    let names =
        ["auth-service operations", "blog-service operations", "auth-service listening", "blog-service listening"];
    while addresses.contains(&None) {
        let line = pair.line();
        let (name, address) = line.split_once(" on ").unwrap();
        addresses[names.iter().position(|known| *known == name).unwrap()] = Some(address.parse().unwrap());
    }
    (pair, addresses.map(Option::unwrap))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_services_of_a_pair_leave_together() {
    let folder = folder();
    let (mut pair, [auth_ops, blog_ops, auth, blog]) = pair(folder.path(), &LONG);
    pair.signal(Signal::TERM);
    for (ops, address) in [(auth_ops, auth), (blog_ops, blog)] {
        while http::get(ops, "/readyz").await.status != 503 {}
        while health(address).await != ServingStatus::NotServing {}
    }
    pair.signal(Signal::INT);
    assert_eq!(pair.wait().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn pair_with_a_short_delay_ends_by_itself() {
    let folder = folder();
    let (mut pair, _) = pair(folder.path(), &["--shutdown-delay", "10ms"]);
    pair.signal(Signal::TERM);
    assert_eq!(pair.wait().code(), Some(0));
}
