//! A test of `docs/dependencies.md`: the page names each crate that computes with secrets or reads bytes of others.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The categories on crates.io whose crates need a row.
const CATEGORIES: [&str; 6] =
    ["authentication", "compression", "cryptography", "encoding", "parsing", "parser-implementations"];

/// The members of this workspace that declare such a category.
const OWN: [&str; 1] = ["gatepost"];

/// A row of the page.
struct Row {
    crates: Vec<String>,
    tests: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the words between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Reads the rows of the table whose first column names crates.
fn rows() -> Vec<Row> {
    let page = read("docs/dependencies.md");
    let table = page.lines().skip_while(|line| !line.starts_with("| crates |")).skip(2);
    let rows = table.take_while(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        assert_eq!(cells.len(), 5, "five columns: {line}");
        Row { crates: quoted(cells[0]), tests: quoted(cells[4]) }
    });
    rows.collect()
}

/// Returns the crates inside the programs, from the bill of materials.
fn linked() -> BTreeSet<String> {
    let bill: Value = serde_json::from_str(&read("deploy/gatepost.cdx.json")).unwrap();
    let components = bill["components"].as_array().unwrap();
    let required = components.iter().filter(|component| component["scope"] == "required");
    required.map(|component| component["name"].as_str().unwrap().to_owned()).collect()
}

/// Returns the packages of the lock file that declare one of the categories.
fn categorized() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let chosen = packages.iter().filter(|package| {
        let categories = package["categories"].as_array().unwrap();
        categories.iter().any(|category| CATEGORIES.iter().any(|known| category == known))
    });
    chosen.map(|package| package["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn crates_of_the_page_are_those_of_the_programs() {
    let named: BTreeSet<String> = rows().into_iter().flat_map(|row| row.crates).collect();
    let linked = linked();
    assert!(named.len() > 50, "the table has too few crates: {named:?}");
    let gone: Vec<_> = named.difference(&linked).collect();
    assert!(gone.is_empty(), "docs/dependencies.md names crates that the programs do not contain: {gone:?}");
    let own: BTreeSet<String> = OWN.into_iter().map(str::to_owned).collect();
    let unlisted: Vec<_> = categorized()
        .intersection(&linked)
        .filter(|name| !named.contains(*name) && !own.contains(*name))
        .cloned()
        .collect();
    assert!(unlisted.is_empty(), "docs/dependencies.md lacks rows for {unlisted:?}");
}

#[test]
fn tests_of_the_page_exist() {
    for test in rows().iter().flat_map(|row| &row.tests) {
        let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{test}: must be file::function"));
        let function = format!("fn {name}(");
        let output = Command::new("git")
            .args(["grep", "-l", "--untracked", "-F", &function, "--", "*.rs"])
            .current_dir(root())
            .output()
            .unwrap();
        let files = String::from_utf8(output.stdout).unwrap();
        let found = files.lines().any(|path| path.split(['/', '.']).any(|part| part == file));
        assert!(found, "docs/dependencies.md names {test}, which does not exist; found only in {files:?}");
    }
}
