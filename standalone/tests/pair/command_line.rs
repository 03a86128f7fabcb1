//! The commands of docs/operations/command-line.md, word for word: each block, and each row of its table of tasks.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::page::block;
use super::support::{self, PASSWORD, Pair};

const PAGE: &str = include_str!("../../../docs/operations/command-line.md");
const NEW_PASSWORD: &str = "purple monkey dishwasher tango";

/// Minimum number of tasks on the page.
const MIN_TASKS: usize = 20;

/// Part of each task's command, and a part of its output. If a command has several of the parts, the first one counts.
const RESULTS: [(&str, &str); 30] = [
    ("whoami", "root@example.com"),
    ("--role admin", "root@example.com"),
    ("users list", "ada@example.com"),
    ("users create", "bob@example.com"),
    ("--add admin", "admin"),
    ("--remove admin", "bob@example.com"),
    ("users show", "failed attempts"),
    ("login_failed", "reason=wrong_password"),
    ("users unlock", "ada@example.com"),
    ("users reset", "gpc_"),
    ("set-password", "all sessions are ended"),
    ("login_succeeded", "127.0.0.1"),
    ("--revoke-all", "ada@example.com"),
    ("users sessions", "ID"),
    ("users disable", "ada@example.com"),
    ("users enable", "ada@example.com"),
    ("--actor root", "USER_UNLOCKED"),
    ("--actor operator", "TIME"),
    ("api-keys create", "gp_"),
    ("api-keys list", "nightly export"),
    ("api-keys rotate", "gp_"),
    ("api-keys revoke", "revoked"),
    ("keys list", "EdDSA"),
    ("keys retire", "is killed"),
    ("keys rotate", "signs from"),
    ("token inspect", "accepts the token"),
    ("doctor", "database write"),
    ("backup", "auth.db"),
    ("call ended", "duration_us="),
    ("users delete", "ada@example.com"),
];

/// Shell of an operator, with the commands on its `PATH`.
struct Shell<'d> {
    home: TempDir,
    data: &'d Path,
    log: &'d Path,
}

impl Shell<'_> {
    /// Returns the command that runs this script.
    fn command(&self, script: &str) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_gatepost")).parent().unwrap();
        let path = format!("{}:/usr/bin:/bin", programs.display());
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]);
        command.env_clear().env("PATH", path).env("HOME", self.home.path());
        command
            .envs([("PASSWORD", PASSWORD), ("NEW_PASSWORD", NEW_PASSWORD)])
            .env("DATA", self.data)
            .env("LOG", self.log);
        command
    }

    /// Runs a script that must succeed, and returns its output.
    #[track_caller]
    fn done(&self, script: &str) -> String {
        let output = self.command(script).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{out}\n{err}");
        assert!(!err.contains(PASSWORD) && !err.contains(NEW_PASSWORD) && !out.contains(PASSWORD), "{out}\n{err}");
        out.into_owned()
    }
}

/// Returns the commands of the table of tasks.
fn tasks() -> Vec<String> {
    let section = PAGE.split("\n## Tasks\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains(" | `"));
    rows.map(|row| row.split(" | `").nth(1).unwrap().trim_end_matches("` |").replace("\\|", "|")).collect()
}

#[test]
fn documented_commands_work() {
    let folder = support::folder();
    let settings = [("AUTH_ADMIN_EMAIL", "root@example.com"), ("AUTH_ADMIN_PASSWORD", PASSWORD)];
    let (outside, data) = (support::folder(), folder.path());
    let log = outside.path().join("log");
    let mut logged = support::logged_pair(&log);
    let pair = Pair::start_by(&mut logged, data, &settings);
    let headings = ["Log in", "Follow the audit log", "Scripts", "While no service runs"];
    let [log_in, follow, script, offline] = headings.map(|heading| block(PAGE, &pair.auth, heading, 0));
    let shell = Shell { home: support::folder(), data, log: &log };
    let logged_in = shell.done(&log_in);
    assert!(logged_in.contains("root@example.com") && !logged_in.contains(PASSWORD), "{logged_in}");
    shell.done("printf %s \"$PASSWORD\" | gatepost users create ada@example.com");

    let mut following = shell.command(&format!("exec {follow}")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("TIME "), "the stream is open");
    let wrong = shell.command("printf wrong | gatepost login --email ada@example.com").output().unwrap();
    assert_eq!(wrong.status.code(), Some(4));
    assert!(lines.next().unwrap().contains("reason=wrong_password"));
    following.kill().unwrap();
    following.wait().unwrap();

    let token = shell.done("sed -n 's/.*\"access_token\": \"\\(.*\\)\".*/\\1/p' ~/.config/gatepost/credentials.json");
    let tasks = tasks();
    assert!(tasks.len() >= MIN_TASKS, "{tasks:?}");
    for task in &tasks {
        let set = match task {
            task if task.contains("$KEY_ID") => "KEY_ID=$(gatepost api-keys list | sed -n '2s/ .*//p')\n",
            task if task.contains("$KID") => "KID=$(gatepost keys list --data-dir \"$DATA\" | sed -n '2s/ .*//p')\n",
            _ => "",
        };
        let task = task.replace("127.0.0.1:50051", &pair.auth);
        let output = shell.command(&format!("exec 2>&1\n{set}{task}")).env("TOKEN", token.trim()).output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && ![PASSWORD, NEW_PASSWORD].iter().any(|secret| out.contains(secret)),
            "{task}\n{out}"
        );
        let expected =
            RESULTS.iter().find(|(part, _)| task.contains(part)).unwrap_or_else(|| panic!("no result: {task}"));
        assert!(out.contains(expected.1), "{task}\n{out}");
    }

    // The retired key has ended the login's tokens, and the next command renews them.
    shell.done("gatepost whoami");
    let token = "TOKEN=$(sed -n 's/.*\"access_token\": \"\\(.*\\)\".*/\\1/p' ~/.config/gatepost/credentials.json)\n";
    let listed = shell.done(&(token.to_owned() + &script));
    assert!(listed.starts_with("[\n{\"id\":") && listed.ends_with("}\n]\n"), "{listed}");

    shell.done("printf %s \"$PASSWORD\" | gatepost users create ada@example.com");
    pair.stop();
    let offline = offline.replace("gatepost-data", folder.path().to_str().unwrap());
    assert!(shell.done(&offline).contains("USER_UNLOCKED"));
}
