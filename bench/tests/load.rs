//! `bench load` and `bench storm` in short form: both loops, own and running services, and the times of a server that stalls.

#![cfg(test)]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bench::Failure;
use bench::load::{Account, Arrivals, CallFuture, LoadSample, closed_loop, health, open_loop};
use bench::services::{Services, beside};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// A server that answers no call before this many have arrived.
struct StallingHealth {
    stalled: u32,
    arrived: AtomicU32,
    is_over: watch::Sender<bool>,
}

#[tonic::async_trait]
impl Health for StallingHealth {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if self.arrived.fetch_add(1, Ordering::SeqCst) + 1 >= self.stalled {
            self.is_over.send_replace(true);
        }
        self.is_over.subscribe().wait_for(|is_over| *is_over).await.map_err(|_| Status::internal("no sender"))?;
        Ok(Response::new(HealthCheckResponse::default()))
    }

    type WatchStream = tokio_stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("this server only checks"))
    }
}

/// Starts the server, and returns calls for it.
async fn stalling(
    stalled: u32,
) -> Result<(AbortHandle, impl Fn() -> Option<CallFuture<()>> + Clone + Send + 'static), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let service = StallingHealth { stalled, arrived: AtomicU32::new(0), is_over: watch::Sender::new(false) };
    let server = Server::builder().add_service(HealthServer::new(service));
    let server = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener))).abort_handle();
    let call = Arc::new(health(&Channel::from_shared(url)?.connect().await?));
    Ok((server, move || Some(call())))
}

/// The server stalls for 50 intended arrivals, one a millisecond. Each of them shows the rest of the stall in its time.
#[tokio::test(flavor = "multi_thread")]
async fn stall_shows_in_each_intended_arrival() -> Result<(), Failure> {
    let (server, call) = stalling(50).await?;
    let arrivals = Arrivals { rate: 1000, length: Duration::from_millis(100), backlog: 1000 };
    let LoadSample { micros, failed, shed, .. } = open_loop(&arrivals, &[call]).await?;
    server.abort();
    assert_eq!((micros.len(), failed, shed), (100, 0, 0));
    // The first arrival waits for 49 intervals, the 25th for 25.
    assert!(micros.max() >= 48_000, "{}", micros.max());
    assert!(micros.count_between(24_000, u64::MAX) >= 25, "{}", micros.count_between(24_000, u64::MAX));
    Ok(())
}

/// Arrivals beyond the backlog are not sent: the server, which never answers, gets ten calls at once.
#[tokio::test(flavor = "multi_thread")]
async fn arrivals_beyond_the_backlog_are_shed() -> Result<(), Failure> {
    let (server, call) = stalling(u32::MAX).await?;
    let timed = move || {
        let answer = call()?;
        Some(async move {
            let late = |_| Status::deadline_exceeded("no answer");
            tokio::time::timeout(Duration::from_millis(50), answer).await.map_err(late)?
        })
    };
    let arrivals = Arrivals { rate: 1000, length: Duration::from_millis(200), backlog: 10 };
    let LoadSample { micros, failed, shed, first_failure, .. } = open_loop(&arrivals, &[timed]).await?;
    server.abort();
    assert_eq!((micros.len(), failed + shed), (0, 200));
    assert!(failed >= 10 && shed > 0, "{failed} failed, {shed} shed");
    assert_eq!(first_failure.map(|status| status.code()), Some(tonic::Code::DeadlineExceeded));
    Ok(())
}

/// A closed loop has one call a caller: the server, which waits for four, gets no fifth before it answers.
#[tokio::test(flavor = "multi_thread")]
async fn closed_loop_has_one_call_a_caller() -> Result<(), Failure> {
    let (server, call) = stalling(4).await?;
    let calls = Arc::new(AtomicU32::new(0));
    let counted = {
        let calls = Arc::clone(&calls);
        move || if calls.fetch_add(1, Ordering::SeqCst) < 100 { call() } else { None }
    };
    let sample = closed_loop(4, Duration::MAX, &[counted]).await?;
    server.abort();
    assert_eq!((sample.micros.len(), sample.failed, calls.load(Ordering::SeqCst)), (100, 0, 104));
    Ok(())
}

/// Returns `bench load` with a short load.
fn load(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["load", "--rounds", "2", "--turns", "1", "--turn-ms", "50", "--posts", "20", "--users", "2"]);
    command.args(["--connections", "2", "--cold-tokens", "20", "--json", "-"]).args(arguments);
    command.env_remove("BENCH_PASSWORD");
    command
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn names<'a>(report: &'a Value, list: &str, name: &str) -> Vec<&'a str> {
    report[list].as_array().unwrap().iter().map(|one| one[name].as_str().unwrap()).collect()
}

/// Asserts that each series has answers and no failures.
fn assert_answers(report: &Value) {
    for series in report["series"].as_array().unwrap() {
        let rounds = series["rounds"].as_array().unwrap();
        assert_eq!((rounds.len(), &series["first_failure"]), (2, &Value::Null), "{series}");
        for round in rounds {
            assert!(round["answers"].as_u64() > Some(0) && round["failed"] == 0 && round["shed"] == 0, "{series}");
            assert!(round["calls_per_second"].as_f64() > Some(0.0), "{series}");
            let times = &round["times_ms"];
            let times = ["p50", "p99", "p999", "max"].map(|name| times[name].as_f64().unwrap());
            assert!(times.is_sorted(), "{series}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_services_get_all_calls() -> Result<(), Failure> {
    let (folder, program) = (tempfile::tempdir()?, beside()?);
    let plot = folder.path().join("plot.svg");
    let program = program.to_str().unwrap();
    let output = load(&["--callers", "4", "--program", program, "--plot", plot.to_str().unwrap()]).output()?;
    let report = json(&output);
    assert_answers(&report);
    assert_eq!(report["schema"], 1);
    for field in ["command", "processor", "cores", "system", "commit"] {
        assert!(!report[field].is_null(), "{field}");
    }
    assert_eq!((&report["settings"]["seed"], &report["settings"]["rate"]), (&1.into(), &Value::Null));
    let calls = "check check-blog echo verify verify-cold get get-public list batch create login refresh";
    assert_eq!(names(&report, "series", "call").join(" "), calls);
    let ratios = "verify / echo, verify / check, verify-cold / verify, get / get-public, get / check-blog, \
                  list rows / get, batch rows / get, refresh / check";
    assert_eq!(names(&report, "ratios", "name").join(", "), ratios);
    assert_eq!((&report["series"][7]["rows_per_call"], &report["not_run"]), (&20.into(), &Value::Array(Vec::new())));
    let plot = std::fs::read_to_string(plot)?;
    assert!(plot.starts_with("<svg") && plot.contains("prefers-color-scheme: dark") && plot.ends_with("</svg>\n"));
    assert_eq!(plot.matches("class=\"bar\"").count(), 12);
    Ok(())
}

/// Running services are measured at a constant rate, with the password from a file. The output does not show it.
#[tokio::test(flavor = "multi_thread")]
async fn running_services_get_a_constant_rate() -> Result<(), Failure> {
    const PASSWORD: &str = "correct horse battery staple";
    let folder = tempfile::tempdir()?;
    let pair = Services::pair(&beside()?, folder.path(), |command| command).await?;
    let accounts = Account::register(std::slice::from_ref(&pair.auth), 1).await?;
    drop(accounts);
    let file = folder.path().join("password");
    std::fs::write(&file, PASSWORD)?;
    let [auth, blog] = [pair.auth_address(), pair.blog_address()].map(|address| format!("http://{address}"));
    let run = |arguments: &[&str], file: Option<&Path>| {
        let mut command = load(&["--auth", &auth, "--blog", &blog, "--email", "user0@example.com", "--rate", "200"]);
        file.map(|file| command.env("BENCH_PASSWORD_FILE", file));
        command.args(arguments).output()
    };
    let output = run(&["--only", "create,login"], Some(&file))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains(PASSWORD));
    let report = json(&output);
    assert_eq!(names(&report, "series", "call"), ["create", "login"]);
    let report = json(&run(&["--only", "check,get,get-public,verify-cold,echo"], Some(&file))?);
    assert_answers(&report);
    assert_eq!(names(&report, "series", "call"), ["check", "echo", "verify-cold", "get"]);
    assert_eq!(names(&report, "not_run", "call"), ["get-public"]);
    assert_eq!((&report["running_services"], &report["series"][0]["rounds"][0]["answers"]), (&true.into(), &10.into()));
    let output = run(&["--only", "check"], None)?;
    assert!(String::from_utf8_lossy(&output.stderr).contains("set BENCH_PASSWORD"), "{output:?}");
    pair.stop()
}

#[test]
fn remote_services_need_a_flag() -> Result<(), Failure> {
    let remote = ["--auth", "http://192.0.2.1:1", "--blog", "http://192.0.2.1:2", "--email", "a@example.com"];
    let output = load(&remote).env("BENCH_PASSWORD", "secret words of a test").output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("--allow-remote"), "{text}");
    assert!(!text.contains("secret words"), "{text}");
    Ok(())
}

/// Without h2load, the report says so. With it, the two generators measure the same calls.
#[test]
fn h2load_measures_beside() -> Result<(), Failure> {
    let program = beside()?;
    let only = ["--only", "check,verify", "--h2load", "--program"];
    let mut command = load(&only);
    command.arg(&program);
    let report = json(&command.output()?);
    let [check, verify] = ["check", "verify"];
    if names(&report, "not_run", "call").is_empty() {
        assert_eq!(names(&report, "series", "call"), [check, check, verify, verify]);
        assert_eq!(names(&report, "series", "generator"), ["h2load", "bench", "h2load", "bench"]);
        assert!(report["series"][0]["rounds"][0]["answers"].as_u64() > Some(0), "{report}");
    }
    let folder = tempfile::tempdir()?;
    let mut command = load(&only);
    // git and uname are missing, too; the report says that they are unknown.
    let report = json(&command.arg(&program).env("PATH", folder.path()).output()?);
    assert_eq!(names(&report, "series", "call"), [check, verify]);
    assert_eq!(names(&report, "not_run", "call"), ["h2load check", "h2load verify"]);
    assert_eq!(report["not_run"][0]["reason"], "h2load is missing (Debian: nghttp2-client)");
    Ok(())
}

/// The clients of one address exceed its share of the queue, 16, and the hashing threads: some log in, and some are
/// refused.
#[test]
fn storm_counts_logins_and_refusals() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("storm.json");
    let clients = 24 + std::thread::available_parallelism()?.get();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command
        .args(["storm", "--clients", &clients.to_string(), "--rounds", "1", "--turn-ms", "1000", "--program"])
        .arg(beside()?);
    let output = command.arg("--json").arg(&file).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("logins in the storm / hashes"));
    let report: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    assert_eq!((&report["schema"], &report["clients"]), (&1.into(), &clients.into()));
    for figure in
        ["hashes_per_second", "calm_logins_per_second", "storm_logins_per_second", "storm_refusals_per_second"]
    {
        assert!(report["rounds"][0][figure].as_f64() > Some(0.0), "{figure}: {report}");
    }
    Ok(())
}
