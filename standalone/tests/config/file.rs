//! Faults of a configuration file stop every program, and name file, line and key.

use std::fs;
use std::time::{Duration, Instant};

use super::pair::{fails, folder, gatepost};

/// Limit for a refused start, on a machine that runs other tests.
const REFUSAL_LIMIT: Duration = Duration::from_secs(10);

/// Returns the reason of a refused start, with the file's name shortened.
fn refused(arguments: &[&str], text: &str, settings: &[(&str, &str)]) -> String {
    let folder = folder();
    let path = folder.path().join("a.toml");
    fs::write(&path, text).unwrap();
    let mut command = gatepost();
    command.args(arguments).arg("--config").arg(&path).envs(settings.iter().copied()).current_dir(folder.path());
    let began = Instant::now();
    let (code, said) = fails(&mut command);
    assert!(began.elapsed() < REFUSAL_LIMIT, "{arguments:?}");
    assert_eq!((code, said.trim_end().lines().count()), (Some(2), 1), "{arguments:?}: {said}");
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is written");
    let said = said.trim_end().strip_prefix("gatepost: ").unwrap_or_else(|| panic!("{said}"));
    said.replace(&path.display().to_string(), "a.toml")
}

#[test]
fn unknown_key_stops_each_program() {
    for arguments in [
        &[][..],
        &["auth"],
        &["blog"],
        &["config"],
        &["doctor"],
        &["auth", "doctor"],
        &["blog", "config"],
        &["keys", "list"],
        &["admin", "grant", "a@example.com"],
        &["auth", "healthcheck"],
    ] {
        let why = refused(arguments, "[auth]\n\nregistraton = 'canary'\n", &[]);
        let wanted = "a.toml:3: [auth] registraton: is not a setting, but registration is: rename it, or remove it";
        assert_eq!(why, wanted, "{arguments:?}");
    }
    let why = refused(&[], "[gatepost]\ndata_dir = 'canary'", &[]);
    assert!(why.starts_with("a.toml:2: [gatepost] data_dir: is not a setting, but data-dir is"), "{why}");
    let why = refused(&[], "[gatepost]\nconfig = 'canary'", &[]);
    assert!(why.starts_with("a.toml:2: [gatepost] config: is not a setting"), "{why}");
    let why = refused(&[], "[blgo]\nlisten = 'canary'", &[]);
    assert!(why.starts_with("a.toml:1: [blgo]: is not a table of settings"), "{why}");
}

/// C70: bad values of a file are named by their place, and not shown.
#[test]
fn bad_value_is_named_by_its_line() {
    for (text, place, part) in [
        ("[auth]\naccess-ttl = 'canary'", "a.toml:2: [auth] access-ttl", "write a length of time"),
        ("\n\n[auth]\naccess-ttl = '9d'", "a.toml:4: [auth] access-ttl", "must be from 1m to 1d"),
        ("[auth]\nregistration = 'canary'", "a.toml:2: [auth] registration", "write one of open, closed"),
        ("[auth]\nmax-calls = 15", "a.toml:2: [auth] max-calls", ""),
        ("[auth]\nissuer = 'can\tary'", "a.toml:2: [auth] issuer", "control character"),
        ("[auth]\nissuer = 1.5", "a.toml:2: [auth] issuer", "write a text in quotes"),
        ("[auth]\nadmin-email = 'canary@example.com'", "AUTH_ADMIN_PASSWORD", "must be set with AUTH_ADMIN_EMAIL"),
        ("[auth]\njwt-secret-key-file = 'canary'", "JWT_SECRET_KEY_FILE", "the file cannot be read"),
        ("[auth]\nops-listen = '0.0.0.0:0'", "a.toml:2: [auth] ops-listen", "plaintext beyond loopback is refused"),
        ("[auth]\ntls-cert = 'canary'", "a.toml:2: [auth] tls-cert", "must be set with --tls-key"),
        ("[auth]\nservice-key = 'canary'", "a.toml:2: [auth] service-key", "is a secret, and this file holds none"),
        ("[blog]\nservice-key = 'canary'", "a.toml:2: [blog] service-key", "write service-key-file"),
        ("[blog]\npublic-reads = 'canary'", "a.toml:2: [blog] public-reads", "write true or false"),
        ("[gatepost]\nauth-listen = 'canary'", "a.toml:2: [gatepost] auth-listen", "write an address and a port"),
        ("[auth]\ndatabase-url = 'postgres://a:canary@h/d'", "a.toml:2: [auth] database-url", "has a password"),
        ("[auth]\nissuer = canary", "a.toml:2", "is not TOML"),
        ("issuer = 'canary'", "a.toml:1: issuer", "is in no table"),
    ] {
        let why = refused(&[], text, &[]);
        let place = if text.contains("key-file") { "a.toml:2: [auth] jwt-secret-key-file" } else { place };
        assert!(why.starts_with(&format!("{place}: ")) && why.contains(part), "{text}: {why}");
    }
}

#[test]
fn value_of_another_source_is_not_blamed_on_the_file() {
    let text = "[auth]\naccess-ttl = '2h'\n";
    let why = refused(&["auth", "--access-ttl", "9d"], text, &[]);
    assert_eq!(why, "--access-ttl (AUTH_ACCESS_TTL): must be from 1m to 1d");
    let why = refused(&["auth"], text, &[("AUTH_ACCESS_TTL", "9d")]);
    assert_eq!(why, "--access-ttl (AUTH_ACCESS_TTL): must be from 1m to 1d");
    let why = refused(&["auth"], "[auth]\nacess-ttl = '2h'", &[("AUTH_ACCESS_TTL", "9d")]);
    assert!(why.starts_with("a.toml:2: [auth] acess-ttl: is not a setting"), "{why}");
}

#[test]
fn unreadable_file_is_named() {
    let (code, said) = fails(gatepost().args(["--config", "/absent/a.toml"]));
    assert_eq!(code, Some(2));
    let wanted = "gatepost: --config (GATEPOST_CONFIG): /absent/a.toml cannot be read (entity not found)\n";
    assert_eq!(said, wanted);
    let (code, said) = fails(gatepost().args(["auth", "--config"]));
    assert!(code == Some(2) && said.contains("--config"), "{said}");
    // A device that never ends.
    let (code, said) = fails(gatepost().args(["--config", "/dev/zero"]));
    assert!(code == Some(2) && said.contains("has more than 1 MiB"), "{said}");
}

#[test]
fn tables_of_other_programs_are_left_alone() {
    let why = refused(&["blog", "--audience", ""], "[auth]\nlisten = 'x'\n[blog]\naudience = ''", &[]);
    assert!(why.starts_with("--audience (BLOG_AUDIENCE): "), "{why}");
}
