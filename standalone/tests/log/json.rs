//! Lines of the log as JSON.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use serde_json::Value;
use tempfile::tempfile;
use testkit::http::{HttpReply, ask};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::calls::channel;
use super::pair::{fails, folder, gatepost};
use super::process::{Process, service};

/// Parses each line of the log.
pub(super) fn lines(log: File) -> Vec<Value> {
    let mut log = log;
    std::io::Seek::rewind(&mut log).unwrap();
    let lines = BufReader::new(log).lines().map(Result::unwrap);
    lines.map(|line| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_json_log_is_an_object() {
    let (folder, log) = (folder(), tempfile().unwrap());
    let url = format!("sqlite:{}", folder.path().join("auth.db").display());
    let mut command = service("auth", &url);
    command.args(["--log-format", "json"]).env("AUTH_COLOR", "blue");
    let process = Process::start(&mut command, log.try_clone().unwrap());
    let ops = process.address("auth-service operations on ");
    let address = process.address("auth-service listening on ");
    let put = "PUT /log-level HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\ndebug";
    assert_eq!(HttpReply::read(&ask(ops, put).await).body, "debug\n");
    HealthClient::new(channel(address)).check(HealthCheckRequest::default()).await.unwrap();
    process.stop();
    let lines = lines(log);
    let find = |message: &str| lines.iter().find(|line| line["message"] == message);
    let changed = find("log filter changed").unwrap();
    assert_eq!(changed["fields"]["filter"], "debug");
    assert_eq!((&changed["level"], &changed["target"]), (&"INFO".into(), &"kit::ops::log_level".into()));
    assert!(find("admitted").is_some(), "the level has changed: {lines:#?}");
    let typo = "AUTH_COLOR is set, but is not a setting of this program: --help lists all settings";
    assert!(find(typo).is_some(), "{lines:#?}");
}

#[test]
fn reason_of_a_failed_start_is_json_too() {
    let folder = folder();
    let mut command = gatepost();
    command.args([
        "blog",
        "--log-format",
        "json",
        "--listen",
        "127.0.0.1:0",
        "--database-url",
        "sqlite:/dev/null/b.db",
    ]);
    let (code, why) = fails(command.current_dir(folder.path()));
    let line: Value = serde_json::from_str(why.trim()).unwrap();
    assert_eq!((code, &line["level"], &line["target"]), (Some(1), &"ERROR".into(), &"gatepost".into()), "{why}");
    let (code, why) = fails(gatepost().args(["--log-format", "xml"]).current_dir(folder.path()));
    let wanted = "gatepost: --log-format (GATEPOST_LOG_FORMAT): write one of text, json\n";
    assert_eq!((code, why.as_str()), (Some(2), wanted));
}
