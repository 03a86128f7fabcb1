//! Each setting that a file of `deploy/` names is a setting of a service.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gatepost::api::auth::v1::ErrorReason;

use super::pair::gatepost;
use super::programs::deploy;

/// Lower bound for the number of files, against a search that finds none.
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
    let all = files(&deploy(""));
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
