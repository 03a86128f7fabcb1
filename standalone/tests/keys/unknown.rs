//! A lost answer to a commit: each command finds out the outcome, or says what is unknown and how to find out.

use std::io::Write as _;
use std::process::{Child, Stdio};

use testkit::postgres::{PostgresServer, server};
use testkit::proxy::Proxy;

use super::output::{CommandOutput, listed};
use super::pair::gatepost;
use super::service::{MASTER_KEY, OTHER_MASTER_KEY, Service, Which};
use super::tokens::register;

const NEW: &str = "thicket marimba oblong 42";
const BOTH: [(&str, &str); 2] = [("AUTH_MASTER_KEY", OTHER_MASTER_KEY), ("AUTH_OLD_MASTER_KEY", MASTER_KEY)];
const ONE: [(&str, &str); 1] = [("AUTH_MASTER_KEY", MASTER_KEY)];

/// Bytes of the message that appends to the log and commits, and of the message that ends another change with its audit
/// event. Messages at the start contain neither.
const LOGS: &[u8] = b"revision = revision + 1";
const COMMITS: &[u8] = b"cast(1 as bigint); commit\0";

/// A database with a user and a key, which a command reaches through its own proxy.
struct Home {
    url: String,
    proxy: Proxy,
    through: String,
}

impl Home {
    async fn new(server: &PostgresServer) -> Self {
        let url = server.create_database().await.unwrap();
        let mut service = Service::start_with(Which::Auth, &url, &ONE);
        register(&service.serves()).await;
        service.stop();
        let proxy = Proxy::to_socket(server.socket());
        let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
        let through = server.url_at(proxy.address(), name);
        Self { url, proxy, through }
    }

    /// Starts a command, which reads the new password from its standard input.
    fn start(&self, settings: &[(&str, &str)], args: &[&str]) -> Child {
        let mut command = gatepost();
        command.args(args).env("AUTH_DATABASE_URL", &self.through).envs(settings.iter().copied()).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that takes no password may have ended.
        let _ = child.stdin.take().unwrap().write_all(NEW.as_bytes());
        child
    }
}

/// Waits for the command to end, and returns its output.
async fn ended(child: Child) -> CommandOutput {
    tokio::task::spawn_blocking(move || CommandOutput::from_process(&child.wait_with_output().unwrap())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answer_of_a_commit_is_found_out() {
    let Some(server) = server().await else { return };
    let home = Home::new(&server).await;
    let first = listed(&home.url).remove(0)[0].clone();
    for (commit, args) in [
        (LOGS, &["admin", "set-password", "ada@example.com"][..]),
        (COMMITS, &["admin", "grant", "ada@example.com"]),
        (LOGS, &["keys", "rotate", "--lead", "1h"]),
        (LOGS, &["keys", "retire", &first]),
    ] {
        home.proxy.cut_on_answer_of(commit);
        let output = ended(home.start(&ONE, args)).await;
        assert_eq!(output.code, 0, "{args:?}: {}", output.err);
        home.proxy.fired().await;
    }
    let keys = listed(&home.url);
    assert!(keys.len() == 1 && keys[0][0] != first, "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_outcome_names_the_way_to_find_out() {
    let Some(server) = server().await else { return };
    let mut runs = tokio::task::JoinSet::new();
    for (commit, args, sentences) in [
        (
            LOGS,
            &["admin", "set-password", "ada@example.com"][..],
            ["whether the password was set: ", "try a login with the new password"],
        ),
        (COMMITS, &["admin", "create", "root@example.com"], ["whether the admin was created: ", "run this again"]),
        (COMMITS, &["admin", "grant", "ada@example.com"], ["whether the user is an admin now: ", "run this again"]),
        (LOGS, &["keys", "rotate", "--lead", "1h"], [" was added: ", "run `gatepost keys list`: if it lists this key"]),
        (LOGS, &["keys", "retire"], [" was retired: ", "run `gatepost keys list`: a key that it does not list"]),
        (COMMITS, &["keys", "reseal"], ["whether the keys were resealed: ", "keep both until it has succeeded"]),
    ] {
        let home = Home::new(&server).await;
        let first = listed(&home.url).remove(0)[0].clone();
        let mut args = args.to_vec();
        if args.contains(&"retire") {
            args.push(&first);
        }
        let settings = if args.contains(&"reseal") { &BOTH[..] } else { &ONE };
        home.proxy.go_on_answer_of(commit);
        let child = home.start(settings, &args);
        let shown = args.join(" ");
        runs.spawn(async move {
            let output = ended(child).await;
            home.proxy.fired().await;
            assert_eq!((output.code, output.out.as_str()), (1, ""), "{shown}: {}", output.err);
            assert!(output.err.contains("the database has not said whether "), "{shown}: {}", output.err);
            assert!(sentences.iter().all(|sentence| output.err.contains(sentence)), "{shown}: {}", output.err);
        });
    }
    runs.join_all().await;
}
