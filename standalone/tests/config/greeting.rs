//! The greeting of a start: facts for people, and commands that can be pasted twice.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use testkit::tls::Authority;

use super::pair::{PASSWORD, folder, gatepost, tool};
use super::service::{BOTH, Service, Which, file};

/// Returns the lines of the pair's greeting.
fn greeted(arguments: &[&str], settings: &[(&str, &str)]) -> (Service, Vec<String>) {
    let mut command = gatepost();
    command.args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0"]).args(arguments);
    let mut service = Service::spawn(command.envs(settings.iter().copied()), vec!["thicket-marimba".into()]);
    service.wait_for_line(&["gatepost 0."]);
    let mut lines = Vec::new();
    loop {
        let line = service.wait_for_line(&[""]);
        let is_last = line.contains("PostService/ListPosts");
        lines.push(line);
        if is_last {
            return (service, lines);
        }
    }
}

/// Returns the text of a fact.
#[track_caller]
fn fact<'l>(lines: &'l [String], label: &str) -> &'l str {
    let found = lines.iter().find_map(|line| line.trim_start().strip_prefix(label));
    found.unwrap_or_else(|| panic!("no {label} in {lines:#?}")).trim()
}

#[test]
fn pair_shows_its_places_and_accounts() {
    let folder = folder();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let ops = ("AUTH_OPS_LISTEN", "127.0.0.1:0");
    let (service, lines) =
        greeted(&["--data-dir", data], &[ops, ("AUTH_SERVICE_KEY", "thicket-marimba-oblong-quince-42-umbel")]);
    assert!(fact(&lines, "auth ").starts_with("127.0.0.1:") && fact(&lines, "auth ").ends_with(" (plaintext)"));
    assert!(fact(&lines, "blog ").starts_with("127.0.0.1:"));
    assert!(fact(&lines, "auth operations").starts_with("127.0.0.1:"));
    assert!(fact(&lines, "blog operations").starts_with("none; BLOG_OPS_LISTEN opens"));
    assert_eq!(fact(&lines, "data "), format!("{data}, SQLite"));
    assert!(fact(&lines, "registration").starts_with("open"));
    assert_eq!(fact(&lines, "docs"), "docs/operations/README.md");
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/README.md");
    assert!(docs.is_file());
    // The command of the greeting makes an admin while the pair runs.
    let command = fact(&lines, "admin").split('`').nth(1).unwrap().replace("EMAIL", "root@example.com");
    let script = format!("gatepost() {{ \"$GATEPOST\" \"$@\"; }}\n{command}");
    let mut bash = Command::new("bash");
    bash.args(["-uo", "pipefail", "-c", &script]).env("PASSWORD", PASSWORD);
    let run = bash.env("GATEPOST", env!("CARGO_BIN_EXE_gatepost")).output().unwrap();
    assert!(run.status.success(), "{command}: {}", String::from_utf8_lossy(&run.stderr));
    service.stop();
    let (service, lines) = greeted(&["--data-dir", data], &[("AUTH_REGISTRATION", "closed")]);
    assert_eq!(fact(&lines, "admin"), "an active user is an admin");
    assert!(fact(&lines, "registration").starts_with("closed"));
    assert!(lines.iter().all(|line| !line.contains("CreateUser")), "nobody can register: {lines:#?}");
    service.stop();
}

#[test]
fn lines_to_try_work_twice_with_grpcurl() {
    let grpcurl = tool("GATEPOST_GRPCURL", "grpcurl");
    if grpcurl == "skip" {
        println!("skipped: GATEPOST_GRPCURL=skip, so the lines to try were not run");
        return;
    }
    let folder = folder();
    let (service, lines) = greeted(&["--data-dir", folder.path().to_str().unwrap()], &[]);
    let begin = lines.iter().position(|line| line.starts_with("Try, ")).unwrap();
    let script = lines[begin + 1..].join("\n").replace("grpcurl -plaintext", "\"$GRPCURL\" -plaintext");
    assert_eq!(script.lines().count(), 3, "{script}");
    for posts in 1..=2 {
        let mut bash = Command::new("bash");
        let run = bash.args(["-uo", "pipefail", "-c", &script]).env("GRPCURL", &grpcurl).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success() && err.is_empty(), "{out}\n{err}");
        assert_eq!(out.matches("\"title\": \"Hello\"").count(), 1 + posts, "the new post, then all: {out}");
        assert!(!out.contains("accessToken") && out.contains("\"posts\""), "{out}");
    }
    service.stop();
}

#[test]
fn lines_to_try_use_tls_where_the_services_do() {
    let folder = folder();
    let files = Authority::new("authority").issue(&["localhost", "127.0.0.1"]).write(folder.path(), "own");
    let [certificate, key] = [&files.certificate, &files.key].map(|path| path.to_str().unwrap());
    let (service, lines) = greeted(
        &["--data-dir", folder.path().to_str().unwrap()],
        &[("AUTH_TLS_CERT", certificate), ("AUTH_TLS_KEY", key)],
    );
    assert!(fact(&lines, "auth ").ends_with(" (TLS)") && fact(&lines, "blog ").ends_with(" (plaintext)"));
    assert!(fact(&lines, "TOKEN=").contains("grpcurl -cacert ca.pem"), "{lines:#?}");
    service.stop();
}

#[test]
fn single_service_shows_its_places() {
    for which in BOTH {
        let folder = folder();
        let url = file(&folder.path().join("a.db"));
        let mut service = Service::start(which, &url);
        service.wait_for_line(&[&format!("{}-service 0.", which.name())]);
        let lines: Vec<_> = std::iter::repeat_with(|| service.wait_for_line(&[""])).take(12).collect();
        assert!(fact(&lines, "listens").ends_with(" (plaintext)"));
        assert!(fact(&lines, "database").starts_with("SQLite, "));
        if which == Which::Auth {
            let command = "`printf %s \"$PASSWORD\" | auth-service admin create EMAIL`";
            assert!(fact(&lines, "admin").contains(command), "{lines:#?}");
        } else {
            assert_eq!(fact(&lines, "auth service"), "http://127.0.0.1:50051");
        }
        service.stop();
    }
}

#[test]
fn json_log_has_no_greeting() {
    let folder = folder();
    let mut command = gatepost();
    command.args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--log-format", "json"]);
    let mut child = command.args(["--data-dir", folder.path().to_str().unwrap()]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    for _ in BOTH {
        let line = lines.next().unwrap();
        // If the pair printed a greeting, it would come now: a greeting waits for this answer.
        let url = format!("http://{}", line.split_once(" listening on ").unwrap().1);
        assert!(gatepost().args(["auth", "healthcheck", "--url", &url]).output().unwrap().status.success());
    }
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!err.is_empty() && err.lines().all(|line| line.starts_with('{')), "{err}");
}
