//! A database's URL as a setting, also read from a file.

use std::ffi::OsString;
use std::sync::OnceLock;

use clap::{Parser, ValueHint};
use db::DatabaseUrl;
use kit::config::{Environment, parse};

#[derive(Debug, Parser)]
#[command(name = "prog")]
struct UrlFlags {
    #[arg(long, env = "KIT_TEST_URL", default_value = "sqlite:a", value_hint = ValueHint::Url)]
    url: DatabaseUrl,
    #[arg(long, env = "KIT_TEST_NAME", default_value = "b")]
    name: String,
}

/// Returns the path of a file with a URL and a newline at its end.
fn file() -> &'static str {
    static FILE: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
    let (_, path) = FILE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        std::fs::write(&path, "postgres://u:canary@h/filed\n").unwrap();
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    });
    path
}

fn read(args: &[&str], variable: fn(&str) -> Option<OsString>) -> Result<String, String> {
    let args = [&["prog"], args].concat().into_iter().map(OsString::from);
    let flags: Result<UrlFlags, _> = parse(args, Environment::new(variable), &[]);
    flags.map(|flags| format!("{} {}", flags.url, flags.name)).map_err(|error| error.to_string())
}

#[test]
fn url_is_read_from_its_file() {
    let filed = |name: &str| match name {
        "KIT_TEST_URL_FILE" => Some(file().into()),
        "KIT_TEST_NAME_FILE" => Some("/absent".into()),
        _ => None,
    };
    assert_eq!(read(&[], filed).unwrap(), "the PostgreSQL database filed at h:5432 b");
    assert_eq!(read(&["--url", "sqlite:c"], filed).unwrap(), "c b", "a flag comes first");
    assert!(!read(&["--help"], filed).unwrap_err().contains("canary"));
}

#[test]
fn url_twice_or_without_its_file_is_refused() {
    let both = |name: &str| match name {
        "KIT_TEST_URL_FILE" => Some(file().into()),
        "KIT_TEST_URL" => Some("sqlite:a".into()),
        _ => None,
    };
    assert_eq!(read(&[], both).unwrap_err(), "KIT_TEST_URL: set either this or KIT_TEST_URL_FILE, not both");
    let absent = |name: &str| (name == "KIT_TEST_URL_FILE").then(|| "/absent".into());
    assert!(read(&[], absent).unwrap_err().starts_with("KIT_TEST_URL_FILE: the file cannot be read"));
}
