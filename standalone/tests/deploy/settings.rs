//! Each setting that a file of `deploy/` names is a setting of a service, and the defaults of compose are plain.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use gatepost::api::auth::v1::ErrorReason;
use testkit::MetricsText;
use testkit::http::get_by_tls;
use testkit::tls::Authority;

use super::pair::{folder, gatepost};
use super::process::{Process, service};
use super::programs::deploy;

/// Compose file, from `deploy/`.
const COMPOSE: &str = "../docker-compose.yml";

/// Addition to `docker-compose.yml`, from `deploy/`.
const COMPOSE_TLS: &str = "../compose/tls.yml";

const KEY: &str = "thicket-marimba-oblong-quince-42-umbel";

/// Lower bound for the number of files, in case the search finds none.
const FEWEST_FILES: usize = 10;

/// Returns the words of a text that are names of settings.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|char: char| !char.is_ascii_uppercase() && char != '_');
    words.filter(|word| word.starts_with("AUTH_") || word.starts_with("BLOG_"))
}

/// Returns the settings of both services, each secret and URL also as a file.
fn known() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for service in ["auth", "blog"] {
        let help = gatepost().args([service, "--help"]).output().unwrap();
        known.extend(names(&String::from_utf8(help.stdout).unwrap()).map(str::to_owned));
    }
    let files: Vec<_> = known.iter().map(|name| format!("{name}_FILE")).collect();
    known.extend(files);
    known
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_setting_of_deploy_exists() {
    let known = known();
    assert!(known.contains("AUTH_SHUTDOWN_DELAY") && known.contains("BLOG_SERVICE_KEY_FILE"), "{known:?}");
    let mut all = files(&deploy(""));
    all.push(deploy(COMPOSE_TLS));
    assert!(all.len() > FEWEST_FILES, "{all:?}");
    for file in all {
        let text = fs::read_to_string(&file).unwrap();
        // A panel names reasons of the API too.
        let is_known =
            |name: &str| known.contains(name) || ErrorReason::from_str_name(&format!("ERROR_REASON_{name}")).is_some();
        let unknown: Vec<_> = names(&text).filter(|name| !is_known(name)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", file.display());
    }
}

/// In `${A:-${B}}`, Compose 1.29 takes the first brace as the end, so a service gets a text that nobody set.
#[test]
fn defaults_of_compose_name_no_variable() {
    for file in [COMPOSE, COMPOSE_TLS] {
        let text = fs::read_to_string(deploy(file)).unwrap();
        let uses: Vec<_> = text.split("${").skip(1).collect();
        assert!(!uses.is_empty(), "{file}");
        for (before, after) in uses.iter().zip(uses.iter().skip(1)) {
            assert!(before.contains('}'), "{file}: ${{{before}${{{after}");
        }
    }
}

/// Returns the settings of the compose file, with these TLS files. Settings with a default in compose are unset.
fn compose_settings(tls: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(deploy(COMPOSE_TLS)).unwrap();
    let lines = text.lines().filter_map(|line| line.trim().split_once(": "));
    let settings = lines.filter(|(name, value)| names(name).eq([*name]) && !value.starts_with("${"));
    settings.map(|(name, value)| (name.to_owned(), value.replace("/tls/", &format!("{tls}/")))).collect()
}

/// The TLS settings of compose name both services by their host names in compose, which the certificate has.
#[tokio::test(flavor = "multi_thread")]
async fn tls_of_compose_connects_both_services() {
    let (folder, authority) = (folder(), Authority::new("authority"));
    let ca = authority.write(folder.path(), "ca");
    authority.issue(&["auth-service", "blog-service", "localhost"]).write(folder.path(), "tls");
    let settings = compose_settings(folder.path().to_str().unwrap());
    let start = |name: &str, further: &[(&str, &str)]| {
        let url = format!("sqlite:{}", folder.path().join(format!("{name}.db")).display());
        let prefix = format!("{}_", name.to_uppercase());
        let own = settings.iter().filter(|(setting, _)| setting.starts_with(&prefix)).cloned();
        let mut command = service(name, &url);
        command.envs(own).envs(further.iter().copied()).env(format!("{prefix}SERVICE_KEY"), KEY);
        Process::start(&mut command, Stdio::null())
    };
    let auth = start("auth", &[]);
    let url = format!("https://{}", auth.address("auth-service listening on "));
    assert!(settings.contains(&("BLOG_AUTH_URL".into(), "https://auth-service:50051".into())), "{settings:?}");
    // Only compose resolves this name.
    let blog = start("blog", &[("BLOG_AUTH_URL", &url), ("BLOG_AUTH_SERVER_NAME", "auth-service")]);
    let ops = blog.address("blog-service operations on ");
    while MetricsText(get_by_tls(ops, &ca, "/metrics").await.body).find("gatepost_feed_up") != Some(1.0) {}
    blog.stop();
    auth.stop();
}
