//! The commands of docs/operations/audit.md, word for word.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::support::{PASSWORD, Pair, folder, tool};

const PAGE: &str = include_str!("../../../docs/operations/audit.md");

/// Returns the shell block under this heading, for a pair at this address.
fn block(heading: &str, auth: &str) -> String {
    let section = PAGE.split(&format!("## {heading}\n")).nth(1).expect("the page has the section");
    let block =
        section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has a shell block");
    block.replace("127.0.0.1:50051", auth).replace("grpcurl -plaintext", "\"$GRPCURL\" -plaintext")
}

#[test]
fn documented_commands_look_up_and_follow_events() {
    let grpcurl = tool("GATEPOST_GRPCURL", "grpcurl");
    if grpcurl == "skip" {
        println!("skipped: GATEPOST_GRPCURL=skip, so the commands of the page were not run");
        return;
    }
    let folder = folder();
    let pair =
        Pair::start(folder.path(), &[("AUTH_ADMIN_EMAIL", "root@example.com"), ("AUTH_ADMIN_PASSWORD", PASSWORD)]);
    let run = |script: &str| {
        let mut bash = Command::new("bash");
        bash.args(["-uo", "pipefail", "-c", script]).env("GRPCURL", &grpcurl).env("PASSWORD", PASSWORD);
        bash
    };
    let call = |method: &str, request: &str| {
        let script = format!("\"$GRPCURL\" -plaintext -d '{request}' {} gatepost.auth.v1.{method}", pair.auth);
        run(&script).output().unwrap()
    };
    let ada = format!(r#"{{"name":"Ada","email":"ada@example.com","password":"{PASSWORD}"}}"#);
    assert!(call("UserService/CreateUser", &ada).status.success());
    call("AuthService/Login", r#"{"email":"ada@example.com","password":"a wrong password"}"#);

    let look_up = block("Look something up", &pair.auth);
    let told = run(&look_up).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success() && err.is_empty(), "{out}\n{err}");
    let count = |text: &str| out.matches(text).count();
    assert_eq!(count("\"kind\": \"AUDIT_EVENT_KIND_LOGIN_FAILED\""), 2, "by kind and by subject: {out}");
    assert_eq!(count("\"kind\": \"AUDIT_EVENT_KIND_USER_CREATED\""), 1, "Ada's: {out}");
    assert_eq!(count("\"kind\": \"AUDIT_EVENT_KIND_LOGIN_SUCCEEDED\""), 1, "the admin's: {out}");

    let login = look_up.split("id() {").next().unwrap();
    let follow = format!("{login}\nexec {}", block("Follow the events", &pair.auth).trim());
    let mut following = run(&follow).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("\"cursor\"")), "the first message has a cursor");
    call("AuthService/Login", r#"{"email":"nobody@example.com","password":"a wrong password"}"#);
    assert!(lines.any(|line| line.contains("AUDIT_EVENT_KIND_LOGIN_FAILED")));
    following.kill().unwrap();
    following.wait().unwrap();
    pair.stop();
}
