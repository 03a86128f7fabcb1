//! `audit list` and `audit tail`: filters, a restarted service, Ctrl-C, and an expired cursor.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::pair::PASSWORD;
use super::person::Person;
use super::world::{ADA, ROOT, World};

/// A running `audit tail`, killed when dropped.
struct Tail {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Tail {
    fn start(person: &Person, args: &[&str]) -> Self {
        let args = [&["audit", "tail", "--output", "json"], args].concat();
        Self::of(&mut person.command(&args))
    }

    /// Starts the command with this handling of SIGHUP, whatever the tests themselves have inherited.
    fn with_hangup(person: &Person, option: &str) -> Self {
        let tail = person.command(&["audit", "tail", "--output", "json"]);
        let mut command = Command::new("/usr/bin/env");
        command.arg(option).arg(tail.get_program()).args(tail.get_args()).env_clear();
        command.envs(tail.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::of(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Returns the next event.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        if self.lines.read_line(&mut line).unwrap() == 0 {
            let mut err = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            panic!("the tail has ended: {err}");
        }
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Makes events until the stream is open, and returns the first one.
    fn first(&mut self, person: &Person) -> Value {
        let is_open = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_open.load(Relaxed) {
                    person.done(&["users", "unlock", "me"]);
                }
            });
            let first = self.next();
            is_open.store(true, Relaxed);
            first
        })
    }

    /// Returns the next event of this kind.
    fn next_of(&mut self, kind: &str) -> Value {
        std::iter::repeat_with(|| self.next()).find(|event| event["kind"] == kind).unwrap()
    }

    /// Sends Ctrl-C; returns the exit code and standard error.
    fn interrupt(self) -> (Option<i32>, String) {
        self.signal(Signal::INT);
        self.end()
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the end; returns the exit code and standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kinds(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_filtered() {
    for world in World::all().await {
        let root = world.person(ROOT);
        assert_eq!(root.run(&["users", "create", ADA], PASSWORD).code, 0);
        root.done(&["users", "disable", ADA, "--yes"]);
        let list = |args: &[&str]| root.document(&[&["audit", "list"], args].concat());
        assert_eq!(kinds(&list(&["--subject", ADA])), ["USER_DISABLED", "USER_CREATED"]);
        assert_eq!(kinds(&list(&["--subject", ADA, "--limit", "1"])), ["USER_DISABLED"]);
        assert_eq!(kinds(&list(&["--actor", "me", "--kind", "user-created"])), ["USER_CREATED"]);
        assert_eq!(kinds(&list(&["--actor", "system", "--kind", "USER_CREATED"])), ["USER_CREATED"]);
        assert_eq!(list(&["--since", "1h"]), list(&[]));
        assert_eq!(list(&["--until", "1h"]), serde_json::json!([]));
        let at = list(&["--kind", "user_disabled"])[0]["time"].as_str().unwrap().to_owned();
        assert_eq!(kinds(&list(&["--since", &at])), ["USER_DISABLED"]);
        for (args, code) in [(["--kind", "frob"], 2), (["--since", "frob"], 2), (["--subject", "x@example.com"], 3)] {
            root.refused(code, &["audit", "list", args[0], args[1]]);
        }
        let table = root.done(&["audit", "list", "--subject", ADA]);
        assert!(table.starts_with("TIME ") && table.lines().count() == 3, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_continues_after_a_restart() {
    for mut world in World::all().await {
        let root = world.person(ROOT);
        let mut first = Tail::start(&root, &[]);
        let seen = first.first(&root);
        assert_eq!(seen["kind"], "USER_UNLOCKED");
        let cursor = seen["cursor"].as_str().unwrap().to_owned();
        drop(first);
        root.done(&["users", "roles", "me", "--add", "auditor"]);
        let mut tail = Tail::start(&root, &["--cursor", &cursor, "--subject", "me"]);
        assert_eq!(tail.next_of("ROLES_CHANGED")["detail"], "before=admin after=admin,auditor");
        world.kill();
        world.serve_again();
        // An event before the next stream is not lost.
        root.done(&["users", "roles", "me", "--add", "editor"]);
        let next = tail.next_of("ROLES_CHANGED");
        assert_eq!(next["detail"], "before=admin,auditor after=admin,auditor,editor");
        let (code, err) = tail.interrupt();
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains("it continues as soon as the service answers"), "{err}");
    }
}

#[test]
fn tail_ends_when_its_output_is_closed() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    let mut child = root.command(&["audit", "tail"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    // The first event after the stream has opened ends the tail.
    while child.try_wait().unwrap().is_none() {
        root.done(&["users", "unlock", "me"]);
    }
    let ended = root.checked(&child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[test]
fn bad_cursor_is_refused() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    assert!(root.refused(1, &["audit", "tail", "--cursor", "x"]).contains("cursor must be"));
    let other = World::on_file(&[]);
    let foreign = other.person(ROOT);
    let mut tail = Tail::start(&foreign, &[]);
    let cursor = tail.first(&foreign)["cursor"].as_str().unwrap().to_owned();
    let lost = root.refused(1, &["audit", "tail", "--cursor", &cursor]);
    assert!(lost.contains("events after the cursor are gone") && lost.contains("audit list"), "{lost}");
}

#[test]
fn tail_ends_with_its_key_and_with_its_terminal() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    let key = root.secret_result(&["api-keys", "create", "Export", "--role", "admin"]);
    let id = root.document(&["api-keys", "list"])[0]["id"].as_str().unwrap().to_owned();
    let mut service = Person::new();
    service.variables = vec![("GATEPOST_TOKEN", key.trim().to_owned())];
    let refused = service.refused(2, &["audit", "tail"]);
    assert!(refused.contains("GATEPOST_TOKEN needs --auth-url"), "a token goes to no other service: {refused}");
    service.variables.push(("GATEPOST_AUTH_URL", world.url().to_owned()));
    let mut tail = Tail::start(&service, &[]);
    tail.first(&root);
    root.done(&["api-keys", "revoke", &id, "--yes"]);
    let (code, said) = tail.end();
    assert!(code == Some(4) && said.contains("refuses the credential"), "{code:?}: {said}");

    let mut tail = Tail::with_hangup(&root, "--default-signal=HUP");
    tail.first(&root);
    tail.signal(Signal::HUP);
    assert_eq!(tail.end().0, Some(0));

    // As `nohup` starts it.
    let mut tail = Tail::with_hangup(&root, "--ignore-signal=HUP");
    tail.first(&root);
    tail.signal(Signal::HUP);
    tail.first(&root);
    assert_eq!(tail.interrupt().0, Some(0));
}
