//! `doctor` finds each fault of settings, files, keys and accounts, and says what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::config::PUBLISHED_SECRETS;
use testkit::tls::{Authority, date_time_ymd};

use super::checked::{Checked, doctor};
use super::outsider::{Home, Outsider};
use super::pair::folder;
use super::service::{BOTH, MASTER_KEY, OTHER_MASTER_KEY, SEALED, Service, Which, file};

/// A database on which the service has started once.
struct Started {
    folder: tempfile::TempDir,
    url: String,
}

impl Started {
    fn new(which: Which) -> Self {
        let folder = folder();
        let url = file(&folder.path().join("a.db"));
        let mut service = Service::start(which, &url);
        service.serves();
        service.stop();
        Self { folder, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Checks the auth service with these settings.
    fn auth(&self, settings: &[(&str, &str)]) -> Checked {
        doctor(&["auth"], &[&[("AUTH_DATABASE_URL", self.url.as_str())], settings].concat(), &[])
    }

    fn blog(&self, settings: &[(&str, &str)]) -> Checked {
        doctor(&["blog"], &[&[("BLOG_DATABASE_URL", self.url.as_str())], settings].concat(), &[])
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn open_files_and_folders_are_named() {
    let started = Started::new(Which::Auth);
    let key = started.path("a.key.pem");
    set_mode(&key, 0o644);
    started.auth(&[]).fails("keys", "a.key.pem can be read by other users: run `chmod 600`");
    set_mode(&key, 0o600);
    set_mode(started.folder.path(), 0o755);
    started.auth(&[]).says("data folder", "warning", "(mode 0755): run `chmod go= ");
    set_mode(started.folder.path(), 0o700);
    let secret = started.path("secret");
    fs::write(&secret, "thicket-marimba-oblong-quince-42-umbel\n").unwrap();
    for (mode, state, part) in [(0o644, "warning", "run `chmod go= "), (0o600, "ok", "only the service")] {
        set_mode(&secret, mode);
        let report = started.auth(&[("AUTH_SERVICE_KEY_FILE", secret.to_str().unwrap())]);
        report.says("AUTH_SERVICE_KEY_FILE", state, part);
        report.is_well();
    }
}

#[test]
fn configuration_file_that_others_can_change_is_named() {
    let started = Started::new(Which::Auth);
    let path = started.path("a.toml");
    fs::write(&path, "[auth]\nissuer = 'x'\n").unwrap();
    for (mode, state, part) in [(0o646, "warning", "run `chmod o-w "), (0o644, "ok", "a.toml is in use")] {
        set_mode(&path, mode);
        let report = started.auth(&[("GATEPOST_CONFIG", path.to_str().unwrap())]);
        report.says("configuration file", state, part);
        report.is_well();
    }
}

#[test]
fn lost_keys_and_databases_are_named() {
    let started = Started::new(Which::Auth);
    let (key, database) = (started.path("a.key.pem"), started.path("a.db"));
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    started.auth(&[]).fails("keys", "a.key.pem does not hold the signing key");
    fs::write(&key, &kept).unwrap();
    set_mode(&key, 0o600);
    started.auth(&[]).is_well();
    started.auth(&[("JWT_SECRET_KEY", "thicket-marimba-oblong-quince-42-umbel")]).says(
        "keys",
        "ok",
        "JWT_SECRET_KEY signs",
    );
    fs::remove_file(&database).unwrap();
    let report = started.auth(&[]);
    report.says("database", "warning", "does not exist");
    report.fails("keys", "put the database back, or restore a backup");
    fs::write(&database, "no database, and longer than a header would be: thicket marimba oblong quince").unwrap();
    started.auth(&[]).fails("database", "cannot be opened as a database");
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_key_needs_its_master_key() {
    for home in Home::all().await {
        let url = home.url();
        let mut service = Service::start_with(Which::Auth, &url, &SEALED);
        service.serves();
        service.stop();
        let with = |settings: &[(&str, &str)]| {
            doctor(&["auth"], &[&[("AUTH_DATABASE_URL", url.as_str())], settings].concat(), &[])
        };
        with(&[("AUTH_MASTER_KEY", MASTER_KEY)]).says("keys", "ok", "sealed in the database by AUTH_MASTER_KEY");
        with(&[("AUTH_MASTER_KEY", OTHER_MASTER_KEY)]).fails("keys", "AUTH_MASTER_KEY is not the one");
        with(&[]).fails("keys", "set AUTH_MASTER_KEY");
        let old = "update signing_keys set sign_time = '2020-01-01T00:00:00+00:00'";
        home.outsider().await.run(old).await;
        with(&[("AUTH_MASTER_KEY", MASTER_KEY)]).says("keys", "warning", "older than --signing-key-max-age");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_of_another_version_is_named() {
    for which in BOTH {
        for home in Home::all().await {
            let url = home.url();
            let mut service = Service::start(which, &url);
            service.serves();
            service.stop();
            let settings = [("AUTH_DATABASE_URL", url.as_str()), ("BLOG_DATABASE_URL", &url), SEALED[0]];
            let check = || doctor(&[which.name()], &settings, &[]);
            let mut outsider = home.outsider().await;
            outsider.run("update _sqlx_migrations set version = 9999 where version = 2").await;
            check().says("database", "failed", "was written by a newer version (migration 9999 is unknown)");
            outsider.run("delete from _sqlx_migrations where version = 9999").await;
            check().says("database", "warning", "is older than this version (migration 2 is missing)");
            let other = if which == Which::Auth { "blog" } else { "auth" };
            doctor(&[other], &settings, &[]).says("database", "failed", "give each service a database of its own");
        }
    }
}

#[test]
fn read_only_database_fails_the_write() {
    // Root writes to any file.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let started = Started::new(Which::Blog);
    set_mode(&started.path("a.db"), 0o400);
    started.blog(&[]).says("database", "failed", "cannot be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_write_is_named() {
    for home in Home::all().await {
        let url = home.url();
        let mut service = Service::start(Which::Auth, &url);
        service.serves();
        service.stop();
        let refuse = match home {
            Home::File(_) => "create trigger no_write before insert on secrets begin select raise(abort, 'no'); end",
            Home::Server(_) => "alter table secrets add constraint no_write check (name <> 'readiness-mark') not valid",
        };
        home.outsider().await.run(refuse).await;
        let sealed = SEALED.iter().filter(|_| matches!(home, Home::Server(_)));
        let settings: Vec<_> = [("AUTH_DATABASE_URL", url.as_str())].into_iter().chain(sealed.copied()).collect();
        let report = doctor(&["auth"], &settings, &[]);
        report.says("database", "ok", "");
        report.fails("database write", "check disk, rights and standby");
    }
}

/// Moves the anchor of the clock in the file, as a machine whose clock was set back would find it.
async fn set_anchor_ahead(path: &Path, seconds: i64) {
    let mut outsider = Outsider::of_file(path).await;
    let text = outsider.texts("select cast(value as text) from secrets where name = 'clock-anchor'").await.remove(0);
    let (time, rest) = text.split_once(' ').unwrap();
    let ahead = time.parse::<i64>().unwrap() + seconds * 1_000_000;
    let moved = format!("update secrets set value = cast('{ahead} {rest}' as blob) where name = 'clock-anchor'");
    outsider.run(&moved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_clock_is_named() {
    let started = Started::new(Which::Auth);
    set_anchor_ahead(&started.path("a.db"), 4).await;
    started.auth(&[]).says("clock", "warning", "s behind the boot clock");
    started.auth(&[("AUTH_CLOCK_LEEWAY", "2s")]).fails("clock", "more than --clock-leeway allows");
    let started = Started::new(Which::Blog);
    set_anchor_ahead(&started.path("a.db"), 3600).await;
    started.blog(&[]).says("clock", "warning", "set it, and keep it right by a time server");
}

#[test]
fn closed_registration_without_admin_fails() {
    let started = Started::new(Which::Auth);
    let report = started.auth(&[("AUTH_REGISTRATION", "closed")]);
    report.says("registration", "ok", "closed");
    report.fails("admin", "registration is closed, and no active user is an admin");
}

#[test]
fn certificates_are_checked() {
    let started = Started::new(Which::Auth);
    let authority = Authority::new("authority");
    let day = |year| date_time_ymd(year, 1, 1);
    let expired =
        authority.issue_with(&["localhost"], |params| (params.not_before, params.not_after) = (day(2020), day(2021)));
    let good =
        authority.issue_with(&["localhost"], |params| (params.not_before, params.not_after) = (day(2020), day(2100)));
    let check = |name: &str, certificate: &testkit::tls::TestCertificate| {
        let files = certificate.write(started.folder.path(), name);
        let [certificate, key] = [&files.certificate, &files.key].map(|path| path.to_str().unwrap());
        started.auth(&[("AUTH_TLS_CERT", certificate), ("AUTH_TLS_KEY", key)])
    };
    check("good", &good).says("server certificate", "ok", "days left");
    check("expired", &expired).fails("settings", "--tls-cert (AUTH_TLS_CERT): ");
    // A certificate for ten days from now.
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10"])
        .args(["-subj", "/CN=localhost", "-keyout", "soon.key", "-out", "soon.crt"])
        .current_dir(started.folder.path())
        .output();
    assert!(made.unwrap().status.success());
    set_mode(&started.path("soon.key"), 0o600);
    let [certificate, key] = ["soon.crt", "soon.key"].map(|name| started.path(name).to_str().unwrap().to_owned());
    let report = started.auth(&[("AUTH_TLS_CERT", &certificate), ("AUTH_TLS_KEY", &key)]);
    report.says("server certificate", "warning", "9 days left: renew it");
}

#[test]
fn unsafe_settings_warn_one_by_one() {
    let started = Started::new(Which::Auth);
    let [_, _, _, master_key, service_key] = PUBLISHED_SECRETS;
    let settings = [("AUTH_INSECURE", "true"), ("AUTH_LISTEN", "0.0.0.0:0"), ("AUTH_OPS_LISTEN", "0.0.0.0:0")];
    started.auth(&settings).says("plaintext", "warning", "it listens on 0.0.0.0:0, it listens on 0.0.0.0:0");
    started.auth(&settings[..1]).says("plaintext", "warning", "no plaintext needs it: unset it");
    let report = started.auth(&[settings[0], ("AUTH_SERVICE_KEY", service_key)]);
    report.says("published secret", "warning", "AUTH_SERVICE_KEY is published in .env.example");
    report.is_well();
    started.auth(&[("AUTH_MASTER_KEY", master_key)]).says("settings", "failed", "is published in .env.example");
    let started = Started::new(Which::Blog);
    let report = started.blog(&[("BLOG_PUBLIC_READS", "true")]);
    report.says("public reads", "warning", "BLOG_PUBLIC_READS is true");
}

#[test]
fn few_open_files_warn() {
    let started = Started::new(Which::Auth);
    let mut bash = Command::new("bash");
    bash.args(["-c", "ulimit -n 256; exec \"$GATEPOST\" auth doctor --output json"]).env_clear();
    bash.env("GATEPOST", env!("CARGO_BIN_EXE_gatepost"))
        .env("AUTH_DATABASE_URL", &started.url)
        .env("PATH", "/usr/bin:/bin");
    let report = Checked::by(&mut bash, &[]);
    report.says("open files", "warning", "a limit of 256 leaves room for 32 connections: raise it to 16512");
    let few = started.auth(&[("AUTH_MAX_CONNECTIONS", "16")]);
    few.says("open files", "ok", "is enough for 16 connections");
}

/// C70: bad settings end the command at once, with the name of the setting and without its value.
#[test]
fn bad_setting_is_named_without_its_value() {
    for (arguments, code) in [(&["doctor"][..], 2), (&["auth", "doctor"], 2), (&["config"], 2)] {
        let mut command = super::pair::gatepost();
        let output = command.args(arguments).env("AUTH_ACCESS_TTL", "canary").output().unwrap();
        let [out, err] = super::checked::texts(&output, &[]);
        assert_eq!((output.status.code(), out.as_str()), (Some(code), ""), "{arguments:?}");
        assert!(err.starts_with("gatepost: --access-ttl (AUTH_ACCESS_TTL): write a length of time"), "{err}");
    }
    // A rule that only a start checks is reported as a failed check, with its place in the file.
    let started = Started::new(Which::Auth);
    let path = started.path("a.toml");
    fs::write(&path, "[auth]\naccess-ttl = '9d'\n").unwrap();
    let report = started.auth(&[("GATEPOST_CONFIG", path.to_str().unwrap())]);
    report.fails("settings", &format!("{}:2: [auth] access-ttl: must be from 1m to 1d", path.display()));
}
