//! The commands of docs/operations/audit.md, word for word.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::page::Page;
use super::support::{PASSWORD, Pair, folder};

const PAGE: &str = include_str!("../../../docs/operations/audit.md");

#[test]
fn documented_commands_look_up_and_follow_events() {
    let folder = folder();
    let pair =
        Pair::start(folder.path(), &[("AUTH_ADMIN_EMAIL", "root@example.com"), ("AUTH_ADMIN_PASSWORD", PASSWORD)]);
    let Some(page) = Page::new(PAGE, &pair) else { return };
    let ada = format!(r#"{{"name":"Ada","email":"ada@example.com","password":"{PASSWORD}"}}"#);
    assert!(page.call("UserService/CreateUser", &ada).status.success());
    page.call("AuthService/Login", r#"{"email":"ada@example.com","password":"a wrong password"}"#);

    let look_up = page.block("Look something up", 0);
    let output = page.shell(&look_up).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{out}\n{err}");
    let count = |text: &str| out.matches(text).count();
    assert_eq!(count("\"kind\": \"AUDIT_EVENT_KIND_LOGIN_FAILED\""), 2, "by kind and by subject: {out}");
    assert_eq!(count("\"kind\": \"AUDIT_EVENT_KIND_USER_CREATED\""), 1, "Ada's: {out}");
    assert_eq!(count("\"kind\": \"AUDIT_EVENT_KIND_LOGIN_SUCCEEDED\""), 1, "the admin's: {out}");

    let login = look_up.split("id() {").next().unwrap();
    let follow = format!("{login}\nexec {}", page.block("Follow the events", 0).trim());
    let mut following = page.shell(&follow).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("\"cursor\"")), "the first message has a cursor");
    page.call("AuthService/Login", r#"{"email":"nobody@example.com","password":"a wrong password"}"#);
    assert!(lines.any(|line| line.contains("AUDIT_EVENT_KIND_LOGIN_FAILED")));
    following.kill().unwrap();
    following.wait().unwrap();
    pair.stop();
}
