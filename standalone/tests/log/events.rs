//! One event for each call: method, code, reason, subject, peer, request id and trace.

use std::fs::File;

use gatepost::api::auth::v1::GetMeRequest;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use serde_json::{Value, json};
use tempfile::tempfile;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::calls::{channel, register, with_token};
use super::json::lines;
use super::pair::{PASSWORD, folder};
use super::process::{Process, service};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const REQUEST_ID: &str = "0198d7a1-52f0-7d0a-9d2e-0d1f5b3c9a11";

/// Returns the events of calls in this log.
fn events(log: File) -> Vec<Value> {
    lines(log).into_iter().filter(|line| line["target"] == "gatepost::call").collect()
}

/// Returns the fields of the only event of this method and code.
#[track_caller]
fn find<'e>(events: &'e [Value], method: &str, code: &str) -> &'e Value {
    let is_wanted = |event: &&Value| event["fields"]["method"] == method && event["fields"]["code"] == code;
    let found: Vec<_> = events.iter().filter(is_wanted).collect();
    assert_eq!(found.len(), 1, "{method} {code}: {events:#?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_ends_with_one_event() {
    const GET_ME: &str = "gatepost.auth.v1.UserService/GetMe";
    let (folder, log) = (folder(), tempfile().unwrap());
    let url = format!("sqlite:{}", folder.path().join("auth.db").display());
    let mut command = service("auth", &url);
    command.args(["--log-format", "json"]).env("RUST_LOG", "off,gatepost::call=debug,gatepost::guard=debug");
    let process = Process::start(&mut command, log.try_clone().unwrap());
    let address = process.address("auth-service listening on ");
    let token = register(address).await.unwrap().access_token;
    let mut me = with_token(GetMeRequest {}, &token);
    me.metadata_mut().insert("traceparent", format!("00-{TRACE}-{SPAN}-01").parse().unwrap());
    me.metadata_mut().insert("x-request-id", REQUEST_ID.parse().unwrap());
    let mut users = UserServiceClient::new(channel(address));
    let id = users.get_me(me).await.unwrap().into_inner().user.unwrap().id;
    // A token in the wrong header: a header with any text from the caller may hold a secret.
    let mut lost = with_token(GetMeRequest {}, "garbage");
    lost.metadata_mut().insert("x-request-id", token.parse().unwrap());
    lost.metadata_mut().insert("traceparent", token.parse().unwrap());
    users.get_me(lost).await.unwrap_err();
    HealthClient::new(channel(address)).check(HealthCheckRequest { service: "none".into() }).await.unwrap_err();
    process.stop();

    let text = format!("{:?}", lines(log.try_clone().unwrap()));
    for secret in token.split('.').chain([PASSWORD, "ada@example.com"]) {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let is_admission = |line: &&Value| line["message"] == "admitted" && line["fields"]["subject"] == json!(id);
    let other = lines(log.try_clone().unwrap()).iter().find(is_admission).cloned().unwrap();
    assert_eq!(
        (&other["trace_id"], &other["span_id"]),
        (&TRACE.into(), &SPAN.into()),
        "lines of a call have its trace"
    );
    let events = events(log);
    assert_eq!(events.len(), 4, "{events:#?}");
    let admitted = find(&events, GET_ME, "OK");
    assert_eq!((&admitted["level"], &admitted["message"]), (&"DEBUG".into(), &"call ended".into()));
    assert_eq!((&admitted["trace_id"], &admitted["span_id"]), (&TRACE.into(), &SPAN.into()), "the caller's trace");
    let fields = &admitted["fields"];
    assert_eq!((&fields["subject"], &fields["request_id"]), (&json!(id), &json!(REQUEST_ID)));
    assert!(fields["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{fields}");
    assert!(fields["duration_us"].as_u64().unwrap() > 0 && fields.get("reason").is_none(), "{fields}");
    let refused = find(&events, GET_ME, "UNAUTHENTICATED");
    assert_eq!(refused["fields"]["reason"], "TOKEN_INVALID");
    for absent in ["subject", "request_id"] {
        assert!(refused["fields"].get(absent).is_none(), "{refused}");
    }
    assert!(refused.get("trace_id").is_none(), "{refused}");
    let registered = find(&events, "gatepost.auth.v1.UserService/CreateUser", "OK");
    assert!(registered["fields"].get("subject").is_none(), "a public method has no caller: {registered}");
    find(&events, "grpc.health.v1.Health/Check", "NOT_FOUND");
}
