//! The commands of docs/operations/logging.md, word for word.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::page::block;
use super::support::{PASSWORD, Pair, folder, gatepost, logged_pair};

const PAGE: &str = include_str!("../../../docs/operations/logging.md");

/// Runs a script of the page, which must succeed, and returns its output.
fn done(script: &str, folder: &Path) -> String {
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(folder).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{err}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn documented_commands_set_the_filter_and_find_slow_calls() {
    let (folder, outside) = (folder(), folder());
    let log = outside.path().join("gatepost.log");
    let mut logged = logged_pair(&log);
    let settings = [
        ("AUTH_OPS_LISTEN", "127.0.0.1:0"),
        ("AUTH_ADMIN_EMAIL", "root@example.com"),
        ("AUTH_ADMIN_PASSWORD", PASSWORD),
        ("RUST_LOG", "info"),
    ];
    let pair = Pair::start_by(&mut logged, folder.path(), &settings);
    let ops = pair.auth_ops.clone().expect("the pair has an operations port");
    let set = block(PAGE, &pair.auth, "The filter of a running service", 0).replace("127.0.0.1:9101", &ops);
    let (set, unset) = set.trim().split_once('\n').unwrap();
    let find = block(PAGE, &pair.auth, "One event for each call", 0);
    let log_in = || {
        let mut login = gatepost();
        login.args(["login", "--email", "root@example.com", "--auth-url"]).arg(format!("http://{}", pair.auth));
        login.env("HOME", outside.path()).stdin(Stdio::piped());
        let mut child = login.spawn().unwrap();
        child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(child.wait_with_output().unwrap().status.success());
    };
    log_in();
    assert_eq!(done(set, outside.path()), "gatepost::call=debug,info\n");
    log_in();
    // The call may end a moment after its answer.
    while !fs::read_to_string(&log).unwrap().contains("call ended") {}
    assert_eq!(done(unset, outside.path()), "info\n");
    log_in();
    pair.stop();
    // A password takes at least 10 ms.
    let found = done(&find, outside.path());
    assert_eq!(found.lines().count(), 1, "only the login between the two commands: {found}");
    assert!(found.contains("AuthService/Login"), "{found}");
}
