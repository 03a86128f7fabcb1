//! The list of known variables is complete. Without an entry for a variable, a start that sets the variable may be
//! refused as a typo.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns each Rust file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Returns the literals of this text that have the form of a variable's name.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |part: &&str| {
        ["AUTH_", "BLOG_", "GATEPOST_", "JWT_"].iter().any(|prefix| part.starts_with(prefix))
            && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    text.split('"').filter(is_name)
}

#[test]
fn each_variable_that_the_code_reads_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let rooms = ["auth-service/src", "blog-service/src", "standalone/src"];
    let texts: Vec<_> =
        rooms.iter().flat_map(|room| files(&root.join(room))).map(|file| fs::read_to_string(file).unwrap()).collect();
    // The kit defines the TLS flags, and each service names their variables.
    let marks = ["env = \"", ": &'static str = \""];
    let flags = texts.iter().flat_map(|text| {
        marks.iter().flat_map(|mark| text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()))
    });
    // The kit's macros put a service's prefix before the names.
    let macros: Vec<_> = files(&root.join("kit/src")).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let suffixes = macros.iter().flat_map(|text| text.split("env = concat!($prefix, \"").skip(1));
    let suffixes: Vec<_> = suffixes.filter_map(|rest| rest.split('"').next()).collect();
    let shared: Vec<_> =
        ["AUTH", "BLOG"].iter().flat_map(|prefix| suffixes.iter().map(move |end| format!("{prefix}{end}"))).collect();
    assert!(shared.iter().any(|name| name == "BLOG_LOG_FORMAT"), "{shared:?}");
    let secrets = auth_service::SECRETS.iter().chain(&auth_service::CONSOLE_SECRETS).chain(&blog_service::SECRETS);
    let secrets = secrets.map(|secret| secret.name);
    let known: BTreeSet<_> = flags.chain(secrets).chain(shared.iter().map(String::as_str)).collect();
    assert!(known.len() > 20, "{known:?}");
    let read: BTreeSet<_> = texts.iter().flat_map(|text| literals(text)).collect();
    assert_eq!(read.difference(&known).collect::<Vec<_>>(), [&""; 0]);
}
