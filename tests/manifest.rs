//! A test of the manifest: `rust-version` is the newest one of the dependencies.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Runs a program of the toolchain and returns its output.
fn output(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns cargo's metadata of the workspace and its dependencies on this platform, without network access.
fn metadata() -> Value {
    let version = output("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments =
        ["metadata", "--locked", "--format-version", "1", "--filter-platform", host, "--features", "gatepost/metrics"];
    serde_json::from_str(&output(env!("CARGO"), &arguments)).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Returns the ids of a package and of its dependencies in a dependant's build, without dev-dependencies.
fn brought<'a>(root: &'a str, nodes: &'a [Value]) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<_, _> = nodes.iter().map(|node| (text(node, "id"), node)).collect();
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        found.insert(id);
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            let id = text(dependency, "pkg");
            if kinds.iter().any(|kind| kind["kind"].as_str() != Some("dev")) && !found.contains(id) {
                open.push(id);
            }
        }
    }
    found
}

/// Parses `1.88` or `1.88.0`; returns zeros for a package without a version.
fn rust_version(package: &Value) -> (u32, u32) {
    let mut numbers = text(package, "rust_version").split('.').map(|number| number.parse().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

#[test]
fn rust_version_is_that_of_the_dependencies() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let own = packages.iter().find(|package| text(package, "name") == "gatepost").unwrap();
    let mut ids = brought(text(own, "id"), metadata["resolve"]["nodes"].as_array().unwrap());
    ids.remove(text(own, "id"));
    assert!(ids.len() > 50, "dependencies are missing: {ids:?}");
    let others = packages.iter().filter(|package| ids.contains(text(package, "id")));
    let newest = others.max_by_key(|package| rust_version(package)).unwrap();
    let (name, own) = (text(newest, "name"), rust_version(own));
    assert_eq!(own, rust_version(newest), "rust-version of Cargo.toml, and of {name}, which needs the newest Rust");
}
