//! `doctor` on sound services, on both engines, while they run and while they are down.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::checked::{Checked, doctor};
use super::outsider::Home;
use super::pair::{PASSWORD, Pair, folder, gatepost};
use super::service::{BOTH, SEALED, Service, Which};

/// Returns the settings of a service at this place, with its database.
fn settings<'s>(which: Which, home: &Home, url: &'s str) -> Vec<(&'static str, &'s str)> {
    let name = if which == Which::Auth { "AUTH_DATABASE_URL" } else { "BLOG_DATABASE_URL" };
    let sealed = SEALED.iter().filter(|_| which == Which::Auth && matches!(home, Home::Server(_)));
    [(name, url)].into_iter().chain(sealed.copied()).collect()
}

/// Makes an admin by the command, with the password on its standard input.
fn make_admin(settings: &[(&str, &str)]) {
    let script = "printf %s \"$PASSWORD\" | \"$GATEPOST\" admin create root@example.com";
    let mut bash = Command::new("bash");
    bash.args(["-c", script])
        .env("PASSWORD", PASSWORD)
        .env("GATEPOST", env!("CARGO_BIN_EXE_gatepost"))
        .envs(settings.iter().copied());
    assert!(bash.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_service_passes_each_check() {
    for which in BOTH {
        for home in Home::all().await {
            let url = home.url();
            let settings = settings(which, &home, &url);
            if let Home::File(folder) = &home {
                fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
            }
            let mut service = Service::start(which, &url);
            let address = service.serves();
            let running = [&settings[..], &[("AUTH_LISTEN", &address), ("BLOG_LISTEN", &address)]].concat();
            let report = doctor(&[which.name()], &running, &[]);
            report.says("service", "ok", &format!("http://{address} serves"));
            passes(&report, which, &home);
            service.stop();
            // The port is free now.
            let report = doctor(&[which.name()], &running, &[]);
            report.says("service", "warning", "the service is down");
            passes(&report, which, &home);
            if which == Which::Auth {
                report.says("admin", "warning", "gatepost admin create EMAIL");
                make_admin(&settings);
                doctor(&["auth"], &settings, &[]).says("admin", "ok", "");
            }
        }
    }
}

/// Checks the results that do not depend on the service's process.
#[track_caller]
fn passes(report: &Checked, which: Which, home: &Home) {
    report.says("settings", "ok", "all are valid");
    report.says("plaintext", "ok", "");
    report.says("database write", "ok", "rolled back");
    report.says("clock", "ok", "agrees with");
    match home {
        Home::File(_) => {
            report.says("database", "ok", "a.db: SQLite 3.");
            report.says("data folder", "ok", "");
            assert!(report.check("free space").1.contains(" MiB"), "{:?}", report.check("free space"));
        }
        Home::Server(_) => {
            report.says("database", "ok", ": PostgreSQL ");
            report.says("database encryption", "ok", "stays on this machine");
        }
    }
    if which == Which::Auth {
        let place = if let Home::File(_) = home { "in a file beside the database" } else { "sealed in the database" };
        report.says("keys", "ok", place);
        report.says("registration", "ok", "open");
        report.is_well();
    } else {
        // No auth service runs at the default address of these tests, or it has another key.
        report.check("auth service");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_changes_nothing() {
    for which in BOTH {
        for home in Home::all().await {
            let url = home.url();
            let mut service = Service::start(which, &url);
            service.serves();
            service.stop();
            let mut outsider = home.outsider().await;
            let values = match home {
                Home::File(_) => "select name || ' ' || hex(value) from secrets order by 1",
                Home::Server(_) => "select name || ' ' || encode(value, 'hex') from secrets order by 1",
            };
            let (before, secrets) = (outsider.all().await, outsider.texts(values).await);
            doctor(&[which.name()], &settings(which, &home, &url), &[]).says("database write", "ok", "");
            assert_eq!((outsider.all().await, outsider.texts(values).await), (before, secrets), "{which:?}");
        }
    }
}

#[test]
fn pair_is_checked_while_it_runs_and_before_its_first_start() {
    let folder = folder();
    let data = folder.path().join("data");
    let arguments = ["--data-dir", data.to_str().unwrap()];
    let free = [&arguments[..], &["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0"]].concat();
    let report = doctor(&[], &[], &free);
    for service in ["auth", "blog"] {
        report.says(&format!("{service} database"), "warning", "does not exist: the first start makes it");
    }
    report.is_well();
    assert!(!data.exists(), "doctor makes no folder");
    let pair = Pair::start(&data, &[]);
    let report =
        doctor(&[], &[], &[&arguments[..], &["--auth-listen", &pair.auth, "--blog-listen", &pair.blog]].concat());
    for check in ["settings", "service", "database", "database write", "clock", "data folder", "plaintext"] {
        report.says(&format!("auth {check}"), "ok", "");
        report.says(&format!("blog {check}"), "ok", "");
    }
    report.is_well();
    let set = report.report["settings"].as_array().unwrap().iter().find(|set| set["setting"] == "GATEPOST_DATA_DIR");
    assert_eq!((&set.unwrap()["value"], &set.unwrap()["source"]), (&data.to_str().unwrap().into(), &"flag".into()));
    pair.stop();
}

#[test]
fn table_lists_settings_and_checks() {
    let folder = folder();
    let mut command = gatepost();
    command.args(["auth", "doctor"]).env("AUTH_DATABASE_URL", format!("sqlite:{}/a.db", folder.path().display()));
    let output = command.output().unwrap();
    let [out, _] = super::checked::texts(&output, &[]);
    let (settings, checks) = out.split_once("\n\n").unwrap();
    assert!(settings.starts_with("SETTING ") && settings.contains("\nAUTH_ISSUER "), "{out}");
    assert!(checks.starts_with("CHECK ") && checks.lines().any(|line| line.starts_with("database ")), "{out}");
    assert!(!settings.contains("GATEPOST_DATA_DIR"), "the pair's settings: {out}");
}
