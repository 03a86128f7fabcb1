//! The throw-away PostgreSQL: its faults, and its cleanup.

#![cfg(test)]

use std::fs;
use std::future::pending;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use testkit::postgres::{PostgresServer, database, server};
use tokio::time::{sleep, timeout};

/// Time limit of a step, for a busy machine.
const STEP_TIMEOUT: Duration = Duration::from_mins(1);

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect_with(&PgConnectOptions::from_str(url).unwrap()).await.unwrap()
}

async fn numbers(connection: &mut PgConnection) -> Vec<i32> {
    sqlx::query_scalar("select n from numbers order by n").fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn databases_are_separate_and_temporary() {
    let (Some(one), Some(other)) = (database().await, database().await) else { return };
    one.run("create table numbers (n int); insert into numbers values (1)").await;
    other.run("create table numbers (n int); insert into numbers values (2)").await;
    assert_eq!(numbers(&mut one.connect().await).await, [1]);
    assert_eq!(numbers(&mut other.connect().await).await, [2]);

    // Dropping the value also ends its connections.
    let mut connected = one.connect().await;
    let gone = one.url.clone();
    drop(one);
    assert!(connected.execute("select 1").await.is_err());
    assert!(PgConnection::connect_with(&PgConnectOptions::from_str(&gone).unwrap()).await.is_err());
    assert_eq!(numbers(&mut other.connect().await).await, [2]);
}

#[test]
fn shared_server_outlives_its_first_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for _ in 0..2 {
        runtime().block_on(async {
            let Some(database) = database().await else { return };
            database.run("select 1").await;
        });
    }
}

#[tokio::test]
async fn commits_survive_kill_and_stop() {
    let Some(server) = server().await else { return };
    let url = server.create_database().await.unwrap();
    let mut connection = connect(&url).await;
    connection.execute("create table numbers (n int)").await.unwrap();
    for (number, end) in [(1, "kill"), (2, "stop"), (3, "kill while it is paused")] {
        connection.execute(AssertSqlSafe(format!("insert into numbers values ({number})"))).await.unwrap();
        connection.execute("begin; insert into numbers values (-1)").await.unwrap();
        match end {
            "stop" => server.stop_fast().await.unwrap(),
            "kill" => server.kill().await.unwrap(),
            _ => {
                server.pause().await.unwrap();
                server.kill().await.unwrap();
            }
        }
        assert!(connection.execute("select 1").await.is_err(), "{end}");
        assert!(server.kill().await.is_err(), "{end}: it has ended");
        server.start_again().await.unwrap();
        assert!(server.start_again().await.is_err(), "{end}: it runs");
        connection = connect(&url).await;
        assert_eq!(numbers(&mut connection).await, (1..=number).collect::<Vec<_>>(), "{end}");
    }
}

#[tokio::test]
async fn paused_server_answers_after_resume() {
    let Some(server) = server().await else { return };
    let url = server.url("postgres");
    let mut connection = connect(&url).await;
    server.pause().await.unwrap();
    let mut answer = Box::pin(connection.execute("select 1"));
    // No event reports that nothing happens.
    assert!(timeout(Duration::from_millis(300), &mut answer).await.is_err());
    server.resume().await.unwrap();
    timeout(STEP_TIMEOUT, answer).await.unwrap().unwrap();
}

#[tokio::test]
async fn dropped_server_leaves_nothing() {
    let Some(server) = server().await else { return };
    let folder = server.socket().parent().unwrap().to_owned();
    assert!(!processes(&folder).is_empty());
    server.pause().await.unwrap();
    drop(server);
    assert!(!folder.exists());
    assert!(processes(&folder).is_empty());
}

#[tokio::test]
async fn killed_process_leaves_nothing() {
    let Some(_) = server().await else { return };
    let tests = ["holds_a_server", "holds_a_paused_server", "holds_a_killed_server", "panics_with_a_server"];
    let holders = tests.map(|test| {
        let mut holder = Command::new(std::env::current_exe().unwrap());
        holder.args(["--exact", "--ignored", "--nocapture", test]).stdout(Stdio::piped()).stderr(Stdio::null());
        holder.spawn().unwrap()
    });
    for mut holder in holders {
        let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
        let folder =
            lines.map_while(Result::ok).find_map(|line| line.split_once("folder ").map(|(_, at)| at.to_owned()));
        let folder = PathBuf::from(folder.expect("the holder has a server"));
        holder.kill().unwrap();
        holder.wait().unwrap();
        let polling = async {
            while folder.exists() || !processes(&folder).is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(STEP_TIMEOUT, polling)
            .await
            .unwrap_or_else(|_| panic!("{:?} of {folder:?} are left", processes(&folder)));
    }
}

#[tokio::test]
#[ignore = "runs as a process of killed_process_leaves_nothing"]
async fn holds_a_server() {
    let server = PostgresServer::start().await.unwrap();
    hold(&server).await;
}

#[tokio::test]
#[ignore = "runs as a process of killed_process_leaves_nothing"]
async fn holds_a_paused_server() {
    let server = PostgresServer::start().await.unwrap();
    server.pause().await.unwrap();
    hold(&server).await;
}

#[tokio::test]
#[ignore = "runs as a process of killed_process_leaves_nothing"]
async fn holds_a_killed_server() {
    let server = PostgresServer::start().await.unwrap();
    server.kill().await.unwrap();
    hold(&server).await;
}

#[tokio::test]
#[ignore = "runs as a process of killed_process_leaves_nothing"]
async fn panics_with_a_server() {
    let server = std::mem::ManuallyDrop::new(PostgresServer::start().await.unwrap());
    println!("folder {}", server.socket().parent().unwrap().display());
    panic!("like a failing test");
}

/// Prints the folder of the server, and waits forever.
async fn hold(server: &PostgresServer) {
    println!("folder {}", server.socket().parent().unwrap().display());
    pending::<()>().await;
}

/// Returns the processes with this folder in their arguments.
fn processes(folder: &Path) -> Vec<u32> {
    let named = |process: &u32| {
        let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(&folder.display().to_string())
    };
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(named).collect()
}

#[tokio::test]
async fn encrypted_server_needs_tls_and_password() {
    if server().await.is_none() {
        return;
    }
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let address = format!("127.91.{high}.{}", low.clamp(1, 254));
    let server = PostgresServer::start_with(&[&format!("listen_addresses={address}")]).await.unwrap();
    server.encrypt("right").await.unwrap();
    let try_out = async |password: &str, mode: &str| {
        let url = format!("postgres://postgres:{password}@{address}/postgres?sslmode={mode}");
        PgConnection::connect_with(&PgConnectOptions::from_str(&url).unwrap()).await
    };
    try_out("right", "require").await.unwrap();
    assert!(try_out("right", "disable").await.is_err() && try_out("wrong", "require").await.is_err());
}

#[tokio::test]
async fn throttled_server_answers_after_a_stall() {
    let Some(server) = server().await else { return };
    let mut connection = connect(&server.url("postgres")).await;
    let throttle = server.throttle(500).await.unwrap();
    let works = async {
        while throttle.used().is_zero() {
            connection.execute("select count(*) from generate_series(1, 100000)").await.unwrap();
        }
    };
    timeout(STEP_TIMEOUT, works).await.expect("a server that works uses time");
    throttle.stall();
    let late = async { while timeout(Duration::from_millis(200), connection.ping()).await.is_ok() {} };
    timeout(STEP_TIMEOUT, late).await.expect("a stalled server does not answer");
    throttle.resume();
    let mut other = timeout(STEP_TIMEOUT, connect(&server.url("postgres"))).await.expect("it answers again");
    drop(throttle);
    other.ping().await.unwrap();
}
