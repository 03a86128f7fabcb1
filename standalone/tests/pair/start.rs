//! Every failed start gives one sentence that says what to do, and a stop is clean.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;

use super::support::{Pair, fails, folder, gatepost};
use rustix::process::{Pid, Signal, kill_process};

const FREE: [&str; 4] = ["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0"];

#[test]
fn ctrl_c_and_sigterm_stop_cleanly() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = folder();
        let pair = Pair::start(folder.path(), &[]);
        pair.signal(signal);
        assert_eq!(pair.wait().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn each_service_runs_alone_and_stops_cleanly() {
    for (service, line) in
        [("auth", "auth-service listening on 127.0.0.1:"), ("blog", "blog-service listening on 127.0.0.1:")]
    {
        let folder = folder();
        let database = format!("sqlite:{}", folder.path().join("alone.db").display());
        let mut child =
            gatepost().args([service, "--listen", "127.0.0.1:0", "--database-url", &database]).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        assert!(out.starts_with(line), "{out}");
        kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn second_process_on_the_folder_is_refused() {
    let folder = folder();
    let _first = Pair::start(folder.path(), &[]);
    let (code, err) = fails(gatepost().args(FREE).arg("--data-dir").arg(folder.path()));
    assert_eq!(code, Some(1));
    assert!(err.contains("is in use by another process: stop that process first, or use another folder"), "{err}");
    assert_eq!(err.trim().lines().count(), 1, "one sentence: {err}");
}

#[test]
fn port_in_use_is_named() {
    let (one, other) = (folder(), folder());
    let pair = Pair::start(one.path(), &[]);
    let (code, err) = fails(
        gatepost().args(["--auth-listen", &pair.auth, "--blog-listen", "127.0.0.1:0", "--data-dir"]).arg(other.path()),
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("GATEPOST_AUTH_LISTEN") && err.contains("choose another port"), "{err}");
}

#[test]
fn unwritable_folder_is_named() {
    let folder = folder();
    // A file in place of the folder: not even root can write into it.
    let place = folder.path().join("data");
    fs::write(&place, "").unwrap();
    let (code, err) = fails(gatepost().args(FREE).arg("--data-dir").arg(&place));
    assert_eq!(code, Some(1));
    assert!(err.contains("cannot be written (") && err.contains("make its folder and all its files writable"), "{err}");
}

#[test]
fn newer_database_is_left_alone() {
    let folder = folder();
    Pair::start(folder.path(), &[]).stop();
    let database = folder.path().join("blog.db");
    // The state that a later version would leave: a migration that this version does not know.
    let later = "insert into _sqlx_migrations values (9999, 'later', '2030-01-01', 1, x'00', 1)";
    let done = std::process::Command::new(python()).args(["-c", PYTHON_SQLITE]).arg(&database).arg(later).status();
    assert!(done.unwrap().success());
    let (code, err) = fails(gatepost().args(FREE).arg("--data-dir").arg(folder.path()));
    assert_eq!(code, Some(1));
    assert!(err.contains("was written by a newer version (migration 9999 is unknown): run that version"), "{err}");
}

const PYTHON_SQLITE: &str = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";

#[expect(clippy::disallowed_methods, reason = "scripts/test names the interpreter in the environment")]
fn python() -> std::ffi::OsString {
    std::env::var_os("GATEPOST_PYTHON").unwrap_or_else(|| "python3".into())
}

/// C70: bad settings are named, and their values are not shown.
#[test]
fn bad_settings_are_named_without_their_values() {
    for (name, value, sentence) in [
        ("JWT_SECRET_KEY", "canary-canary", "must have at least 32 bytes"),
        ("AUTH_MASTER_KEY", "canary-canary", "must be 32 bytes in base64"),
        ("AUTH_MASTER_KEY", "canarycanarycanarycanarycanarycanarycanaryc", "is a pattern"),
        ("AUTH_SERVICE_KEY", "canary-canary", "must have at least 32 bytes"),
        ("AUTH_SERVICE_KEY", "eyJcanary-thicket-marimba-oblong-quince-7431", "must not be a JWT"),
        ("AUTH_ACCESS_TTL", "canary", "write a length of time"),
        ("AUTH_ACCESS_TTL", "9d", "must be from 1m to 1d"),
        ("AUTH_REFRESH_TTL", "31d", "must be at most 30d"),
        ("AUTH_REGISTRATION", "canary", "open"),
        ("AUTH_PASSWORD_MIN_LENGTH", "canary", ""),
        ("AUTH_PASSWORD_MIN_LENGTH", "7", ""),
        ("AUTH_PASSWORD_MIN_LENGTH", "65", ""),
        ("BLOG_PUBLIC_READS", "canary", "write true or false"),
        ("AUTH_INSECURE", "canary", "write true or false"),
        ("AUTH_OPS_LISTEN", "canary", "write an address and a port"),
        ("AUTH_OPS_LISTEN", "0.0.0.0:0", "plaintext beyond loopback is refused"),
        ("BLOG_OPS_LISTEN", "[::]:0", "plaintext beyond loopback is refused"),
        ("BLOG_SERVICE_KEY", "canary", "must have at least 32 bytes"),
        ("AUTH_ADMIN_EMAIL", "canary@example.com", "AUTH_ADMIN_PASSWORD"),
        ("AUTH_ADMIN_PASSWORD", "canary-canary", "AUTH_ADMIN_EMAIL"),
        ("AUTH_MAX_CONNECTIONS", "15", "16..=1000000"),
        ("AUTH_AUDIT_RETENTION", "23h", "must be from 1d to 3660d"),
        ("AUTH_AUDIT_MAX_EVENTS", "999", "1000..=100000000"),
        ("BLOG_MAX_CALLS", "canary", ""),
        ("AUTH_OPERATOR_NETWORKS", "canary", "write addresses or networks"),
        ("BLOG_ANSWER_MIB", "12", "13..=4096"),
        ("GATEPOST_AUTH_LISTEN", "canary", "write an address and a port"),
        ("GATEPOST_AUTH_LISTEN", "0.0.0.0:0", "plaintext beyond loopback is refused"),
    ] {
        let folder = folder();
        let (code, err) = fails(gatepost().env(name, value).arg("--data-dir").arg(folder.path()));
        assert_eq!(code, Some(2), "{name}: {err}");
        assert!(err.contains(name) && err.contains(sentence), "{name}: {err}");
        assert!(!err.contains("canary"), "{name}: {err}");
    }
}

/// C46: the first admin's password follows the policy too.
#[test]
fn first_admins_password_follows_the_policy() {
    for (password, least, sentence) in [
        ("canary", "", "must have 8 to 128 characters"),
        ("canary-kT9#vQ", "15", "must have 15 to 128 characters"),
        ("iloveyou2", "", "must not be one of the passwords that attackers try first"),
        ("Canary-Root-1", "", "must not be built on your name"),
        ("abcdefghijk", "", "must be harder to guess"),
    ] {
        let folder = folder();
        let (code, err) = fails(
            gatepost()
                .env("AUTH_ADMIN_EMAIL", "canary.root@example.com")
                .env("AUTH_ADMIN_PASSWORD", password)
                .env("AUTH_PASSWORD_MIN_LENGTH", least)
                .arg("--data-dir")
                .arg(folder.path()),
        );
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains("AUTH_ADMIN_PASSWORD: ") && err.contains(sentence), "{err}");
        assert!(!err.contains(password) && !err.contains("canary"), "{err}");
    }
}

/// A flag that both services have is reported with the variable of the service that was run.
#[test]
fn shared_flag_is_named_by_the_service_that_was_run() {
    for (service, name) in [("auth", "--listen (AUTH_LISTEN)"), ("blog", "--listen (BLOG_LISTEN)")] {
        let (code, err) = fails(gatepost().args([service, "--listen", "garbled"]));
        assert_eq!(code, Some(2));
        assert!(err.starts_with(&format!("gatepost: {name}: ")), "{err}");
    }
}

#[test]
fn empty_value_means_unset() {
    let folder = folder();
    let empty = ["JWT_SECRET_KEY", "AUTH_ACCESS_TTL", "AUTH_ADMIN_EMAIL", "AUTH_LISTEN", "BLOG_PUBLIC_READS"];
    Pair::start(folder.path(), &empty.map(|name| (name, ""))).stop();
}

#[test]
fn folder_and_files_are_readable_by_their_owner_only() {
    let folder = folder();
    let data = folder.path().join("data");
    Pair::start(&data, &[]).stop();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
