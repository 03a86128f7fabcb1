//! The README's quick start and the Python example work as written.

use std::path::Path;
use std::process::Command;

use super::support::{Pair, folder, tool};

const README: &str = include_str!("../../../README.md");

/// Returns the shell block that creates the databases on a server.
fn postgresql() -> &'static str {
    let block = README.split("```sh\n").find(|block| block.contains("createdb"));
    block.and_then(|block| block.split("```").next()).expect("the README has PostgreSQL's lines")
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_lines_start_both_services_twice() {
    let Some(server) = testkit::postgres::server().await else { return };
    let (folder, socket) = (folder(), server.socket().parent().unwrap().display().to_string());
    // Replaces the machine's server with the test's, and the documented user with its superuser.
    let script = postgresql().replace("/var/run/postgresql", &socket).replace("cargo run --", "starts");
    let script = script.replace("as_postgres create", "as_superuser create");
    let prologue = "as_superuser() { PGHOST=$SOCKET PGUSER=postgres \"$@\"; }\n\
         starts() { exec 3< <(exec \"$GATEPOST\" \"$1\" --listen 127.0.0.1:0); local pid=$!;\n\
         read -r line <&3; echo \"$line\"; kill $pid; }\n";
    for _ in 0..2 {
        let mut bash = Command::new("bash");
        bash.args(["-u", "-c", &format!("{prologue}{script}")]).current_dir(folder.path());
        bash.env("SOCKET", &socket).env("GATEPOST", env!("CARGO_BIN_EXE_gatepost"));
        let run = bash.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        for service in ["auth-service listening on ", "blog-service listening on "] {
            assert!(out.contains(service), "{service} is missing in:\n{out}\n{err}");
        }
    }
}

/// Returns the shell block under the heading "Quick start".
fn quick_start() -> &'static str {
    let section = README.split("## Quick start").nth(1).expect("the README has a quick start");
    section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has a shell block")
}

#[test]
fn quick_start_works_word_for_word_with_grpcurl() {
    let grpcurl = tool("GATEPOST_GRPCURL", "grpcurl");
    if grpcurl == "skip" {
        println!("skipped: GATEPOST_GRPCURL=skip, so the quick start was not run");
        return;
    }
    let found = Command::new(&grpcurl).arg("--version").output();
    assert!(found.is_ok(), "grpcurl is missing: run scripts/test, or set GATEPOST_GRPCURL to its path (or to `skip`)");
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    let script = quick_start().replace("127.0.0.1:50051", &pair.auth).replace("127.0.0.1:50052", &pair.blog);
    let script = script.replace("grpcurl -plaintext", "\"$GRPCURL\" -plaintext");
    // A reader may paste the block twice.
    for _ in 0..2 {
        let mut bash = Command::new("bash");
        let run = bash.args(["-uo", "pipefail", "-c", &script]).env("GRPCURL", &grpcurl).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        for wanted in ["\"name\": \"Ada\"", "\"title\": \"Hello\"", "TOKEN_STATE_ACTIVE"] {
            assert!(out.contains(wanted), "{wanted} is missing in:\n{out}\n{err}");
        }
        // The README shows the refusal of the last command, and there is no other output.
        let shown = README.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the refusal");
        assert_eq!(err, shown, "standard output was:\n{out}");
    }
    pair.stop();
}

#[test]
fn python_example_works_by_reflection_alone() {
    let python = tool("GATEPOST_PYTHON", "python3");
    let known = Command::new(&python).args(["-c", "import grpc_reflection, grpc_status"]).output();
    assert!(
        known.is_ok_and(|output| output.status.success()),
        "grpcio is missing: run scripts/test, or set GATEPOST_PYTHON to a Python that has clients/python/requirements.txt"
    );
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/python/story.py");
    let folder = folder();
    let pair = Pair::start(folder.path(), &[]);
    // One service as a target of several addresses, which a client on the C core sends as one `:authority`.
    let blog = format!("ipv4:{0},{0}", pair.blog);
    let run = Command::new(&python).arg(story).args([&pair.auth, &blog]).output().unwrap();
    assert!(run.status.success(), "{}\n{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    pair.stop();
}
