//! Default, file, environment, flag: each overrides the one before, and `config` shows the source.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use auth_service::SECRETS;
use serde_json::Value;

use super::checked::{doctor, texts};
use super::outsider::Home;
use super::pair::{PASSWORD, Pair, folder, gatepost};
use super::service::{MASTER_KEY, Service};

/// Returns the entry of a setting that `config` prints.
fn setting(arguments: &[&str], settings: &[(&str, &str)], name: &str) -> Value {
    let mut command = gatepost();
    let output = command.args(arguments).args(["config", "--output", "json"]).envs(settings.iter().copied()).output();
    let [out, err] = texts(&output.unwrap(), settings);
    let all: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
    let all = all.as_array().unwrap().iter().filter(|entry| entry["setting"] == name).collect::<Vec<_>>();
    assert_eq!(all.len(), 1, "{name}: {out}");
    all[0].clone()
}

/// Returns the value, the source and its place, separated by blanks.
fn summary(entry: &Value) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
    [text("value"), text("source"), text("place")].join(" ")
}

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("a.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn flag_covers_environment_and_environment_file() {
    let folder = folder();
    let file = write(folder.path(), "[auth]\naccess-ttl = '2h'\naudience = ['a', 'b']\nproxy-protocol = true\n");
    let config = ["auth", "--config", &file];
    let name = "AUTH_ACCESS_TTL";
    let environment = [(name, "3h\n")];
    assert_eq!(summary(&setting(&["auth"], &[], name)), "1d default -");
    assert_eq!(summary(&setting(&config, &[], name)), format!("2h file {file}:2"));
    assert_eq!(
        summary(&setting(&config, &[(name, "")], name)),
        format!("2h file {file}:2"),
        "an empty value means unset"
    );
    assert_eq!(summary(&setting(&config, &environment, name)), format!("3h environment {name}"));
    let flag = ["auth", "--config", &file, "--access-ttl", "4h"];
    assert_eq!(summary(&setting(&flag, &environment, name)), "4h flag -");
    assert_eq!(summary(&setting(&config, &[], "AUTH_AUDIENCE")), format!("a,b file {file}:3"));
    assert_eq!(summary(&setting(&config, &[], "AUTH_PROXY_PROTOCOL")), format!("true file {file}:4"));
    // The environment can name the file, and a flag overrides it.
    let named = [("GATEPOST_CONFIG", file.as_str())];
    assert_eq!(summary(&setting(&["auth"], &named, name)), format!("2h file {file}:2"));
    let empty = folder.path().join("empty.toml");
    fs::write(&empty, "").unwrap();
    assert_eq!(summary(&setting(&["auth", "--config", empty.to_str().unwrap()], &named, name)), "1d default -");
}

#[test]
fn secret_and_url_are_shown_without_their_values() {
    let folder = folder();
    let secret = folder.path().join("secret");
    fs::write(&secret, "canary").unwrap();
    let path = secret.to_str().unwrap();
    for (number, name) in SECRETS.iter().map(|secret| secret.name).enumerate() {
        let key = name.strip_prefix("AUTH_").unwrap_or(name).to_lowercase().replace('_', "-");
        let file = write(folder.path(), &format!("[auth]\n{}{key}-file = '{path}'", "\n".repeat(number)));
        let config = ["auth", "--config", &file];
        let entry = setting(&config, &[], name);
        assert_eq!((summary(&entry), entry["is_set"].as_bool()), (format!("- file {file}:{}", number + 2), Some(true)));
        let variable = format!("{name}_FILE");
        let entry = setting(&config, &[(&variable, path)], name);
        assert_eq!(summary(&entry), format!("- environment {variable}"), "it covers the file");
        let entry = setting(&config, &[(name, "canary-value")], name);
        assert_eq!(summary(&entry), format!("- environment {name}"));
        assert_eq!(setting(&["auth"], &[], name)["is_set"], false);
    }
    let url = folder.path().join("url");
    fs::write(&url, "postgres://canary:canary@localhost/d\n").unwrap();
    let file = write(folder.path(), &format!("[auth]\ndatabase-url-file = '{}'", url.display()));
    let shown = summary(&setting(&["auth", "--config", &file], &[], "AUTH_DATABASE_URL"));
    assert_eq!(shown, format!("the PostgreSQL database d at localhost:5432 file {file}:2"));
    // The variable overrides the file, each with the value or with a path.
    let name = "AUTH_DATABASE_URL";
    let other = write(folder.path(), "[auth]\ndatabase-url = 'sqlite:a.db'");
    assert_eq!(summary(&setting(&["auth", "--config", &other], &[], name)), format!("sqlite:a.db file {other}:2"));
    let by_file = ("AUTH_DATABASE_URL_FILE", url.to_str().unwrap());
    let shown = summary(&setting(&["auth", "--config", &other], &[by_file], name));
    assert_eq!(shown, "the PostgreSQL database d at localhost:5432 environment AUTH_DATABASE_URL_FILE");
    let named = write(folder.path(), &format!("[auth]\ndatabase-url-file = '{}'", url.display()));
    let shown = summary(&setting(&["auth", "--config", &named], &[(name, "sqlite:b.db")], name));
    assert_eq!(shown, format!("sqlite:b.db environment {name}"));
}

/// One newline at the end of a secret's file is no part of the secret.
#[tokio::test(flavor = "multi_thread")]
async fn service_starts_with_the_files_of_its_secrets() {
    for home in Home::all().await {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        for (name, text) in [("url", home.url().as_str()), ("key", MASTER_KEY), ("password", PASSWORD)] {
            fs::write(path(name), format!("{text}\n")).unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let text = format!(
            "[auth]\nlisten = '127.0.0.1:0'\nadmin-email = 'root@example.com'\ndatabase-url-file = '{}'\n\
             master-key-file = '{}'\nadmin-password-file = '{}'\n",
            path("url").display(),
            path("key").display(),
            path("password").display()
        );
        let file = write(folder.path(), &text);
        let hidden = [MASTER_KEY, PASSWORD].map(str::to_owned).to_vec();
        let mut service = Service::spawn(gatepost().args(["auth", "--config", &file]).env("RUST_LOG", "trace"), hidden);
        service.serves();
        let report = doctor(&["auth"], &[("GATEPOST_CONFIG", &file)], &[]);
        report.says("keys", "ok", "sealed in the database by AUTH_MASTER_KEY");
        report.says("admin", "ok", "an active user is an admin");
        report.is_well();
        service.stop();
    }
}

#[test]
fn table_of_settings_has_one_line_for_each() {
    let output = gatepost().args(["config", "--data-dir", "d"]).env("AUTH_SERVICE_KEY", "canary").output().unwrap();
    let [out, err] = texts(&output, &[]);
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
    let line = |name: &str| {
        let found: Vec<_> = out.lines().filter(|line| line.starts_with(&format!("{name} "))).collect();
        assert_eq!(found.len(), 1, "{name}: {out}");
        found[0].split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("SETTING"), "VALUE SOURCE");
    assert_eq!(line("GATEPOST_DATA_DIR"), "d flag");
    assert_eq!(line("AUTH_SERVICE_KEY"), "set environment");
    assert_eq!(line("BLOG_SERVICE_KEY"), "unset default");
    assert!(!out.lines().any(|line| line.starts_with("AUTH_LISTEN ")), "the pair sets it");
}

#[test]
fn pair_runs_with_the_settings_of_a_file() {
    let folder = folder();
    let (data, key) = (folder.path().join("data"), folder.path().join("key"));
    fs::write(&key, "thicket-marimba-oblong-quince-42-umbel\n").unwrap();
    let file = write(
        folder.path(),
        &format!(
            "auth.registration = 'closed'\nauth.service-key-file = '{}'\n[gatepost]\ndata-dir = '{}'\n",
            key.display(),
            data.display()
        ),
    );
    // The flag of the folder covers the file.
    let other = folder.path().join("other");
    Pair::start(&other, &[("GATEPOST_CONFIG", &file)]).stop();
    assert!(other.join("auth.db").is_file() && !data.exists());
    let mut command = gatepost();
    command.args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--config", &file]);
    let mut pair = Service::spawn(&mut command, vec!["thicket-marimba".into()]);
    pair.wait_for_line(&["  registration     closed: "]);
    pair.stop();
    assert!(data.join("auth.db").is_file());
}
