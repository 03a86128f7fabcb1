//! The generated code in the crate `gatepost` matches its contracts.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

#[test]
fn generated_code_matches_the_contracts() {
    let made = tempfile::tempdir().unwrap();
    codegen::compile_library(made.path()).unwrap();
    let (kept, made) = (contents(&codegen::library().join("src/generated")), contents(made.path()));
    let stale: Vec<_> = kept.keys().chain(made.keys()).filter(|name| kept.get(*name) != made.get(*name)).collect();
    assert!(stale.is_empty(), "not what proto/ compiles to: {stale:?} in src/generated; run cargo run -p codegen");
}
