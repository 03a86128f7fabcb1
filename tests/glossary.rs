//! The glossary `docs/GLOSSARY.md`: each type that it names exists, and each row has its own term.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Maximum number of terms. A longer list is not read.
const MAX_ROWS: usize = 40;

/// The words before the name of a type.
const KEYWORDS: [&str; 4] = ["struct", "enum", "trait", "type"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Lists the Rust files below a folder, without build results and hidden folders.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// Returns the names of the types that a source defines.
fn defined(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter(|line| !line.trim_start().starts_with("//")).filter_map(|line| {
        let mut words = line.split_whitespace();
        words.find(|word| KEYWORDS.contains(word))?;
        words.next()?.split(|sign: char| !sign.is_alphanumeric()).next()
    })
}

/// Returns the terms of the glossary, each with the names of its types.
fn rows(page: &str) -> Vec<(&str, Vec<&str>)> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    cells
        .map(|line| line.split(" | ").collect::<Vec<_>>())
        .filter(|cells| cells[0] != "term" && !cells[0].starts_with("---"))
        .map(|cells| (cells[0], cells.last().unwrap().split('`').skip(1).step_by(2).collect()))
        .collect()
}

#[test]
fn each_type_of_the_glossary_exists() {
    let page = fs::read_to_string(root().join("docs/GLOSSARY.md")).unwrap();
    let sources: Vec<String> = sources(root()).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let types: BTreeSet<&str> = sources.iter().flat_map(|source| defined(source)).collect();
    let rows = rows(&page);
    let missing: Vec<_> = rows.iter().flat_map(|(_, names)| names).filter(|name| !types.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/GLOSSARY.md names types that do not exist: {missing:?}");
    let terms: BTreeSet<_> = rows.iter().map(|(term, _)| term).collect();
    assert_eq!(terms.len(), rows.len(), "a term of docs/GLOSSARY.md has two rows");
    assert!((1..=MAX_ROWS).contains(&rows.len()), "docs/GLOSSARY.md has {} rows", rows.len());
}
