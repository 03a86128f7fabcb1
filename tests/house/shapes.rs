//! Types that tell what they hold: no pair of equal types, no two booleans or UUIDs in one signature, and no nested
//! `Option`.

use std::fs;
use std::path::Path;

use crate::{files, root};

const ROOMS: [&str; 5] = ["auth-service/src", "blog-service/src", "kit/src", "db/src", "standalone/src"];

/// Files and rooms that may have pairs: labels in the form of the registry, and limits of the server without names yet.
const WITH_PAIRS: [&str; 2] = ["kit/src/ops/metrics.rs", "kit/src/serve"];

/// Returns the code of a file, without comments and tests.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(file: &Path) -> bool {
    file.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// Returns the name and the parameters of each function.
fn signatures(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("fn ").filter_map(|(at, keyword)| {
        let rest = &code[at + keyword.len()..];
        let mut depth = 0;
        let end = rest.find(|sign| {
            depth += match sign {
                '(' => 1,
                ')' => -1,
                _ => return false,
            };
            depth == 0
        })?;
        Some(&rest[..=end])
    })
}

/// Returns true if a type in the line is a pair of equal types.
fn has_pair(line: &str) -> bool {
    let places = [": (", "-> (", "<(", "[(", "&("].iter().flat_map(|place| line.match_indices(place));
    let mut inner = places.filter_map(|(at, place)| line[at + place.len()..].split_once(')'));
    inner.any(|(inner, _)| inner.split_once(", ").is_some_and(|(one, other)| one == other))
}

/// Returns the faults of a file's code.
fn faults(code: &str, may_have_pairs: bool) -> Vec<String> {
    let nested = code.lines().filter(|line| line.contains("Option<Option<") || line.contains("[bool; "));
    let pairs = code.lines().filter(|line| !may_have_pairs && !line.trim_start().starts_with("let ") && has_pair(line));
    let is_ambiguous = |signature: &&str| {
        let count = |kind: &str| signature.matches(&format!(": {kind}")).count();
        count("bool") > 1 || count("Uuid") > 1
    };
    nested.chain(pairs).chain(signatures(code).filter(is_ambiguous)).map(|fault| fault.trim().to_owned()).collect()
}

#[test]
fn types_tell_what_they_hold() {
    let mut found = Vec::new();
    for file in ROOMS.iter().flat_map(|room| files(&root().join(room))).filter(|file| !is_test(file)) {
        let code = code(&fs::read_to_string(&file).unwrap());
        let may_have_pairs = WITH_PAIRS.iter().any(|place| file.starts_with(root().join(place)));
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        found.extend(faults(&code, may_have_pairs).into_iter().map(|fault| format!("{place}: {fault}")));
    }
    assert!(found.is_empty(), "give these a struct, an enum or an id type:\n{}", found.join("\n"));
}

#[test]
fn ambiguous_types_are_found() {
    for bad in [
        "fn f() -> (u32, u32) {",
        "    limits: (Duration, Duration),",
        "fn f(pairs: &[(String, String)]) {",
        "type Texts = Vec<(&'static str, &'static str)>;",
        "fn f() -> Option<Option<u32>> {",
        "    places: [bool; 2],",
        "fn f(\n    is_one: bool,\n    is_other: bool,\n) {",
        "fn f(user: Uuid, session: Option<u8>, other: Uuid) {",
    ] {
        assert_eq!(faults(bad, false).len(), 1, "{bad}");
    }
    for good in ["fn f(id: Uuid, is_new: bool) -> (u32, String) {", "    let (a, b): (u32, u32) = read();", "f(a, a)"] {
        assert_eq!(faults(good, false), [""; 0], "{good}");
    }
    assert_eq!(faults("    keepalive: (Duration, Duration),", true), [""; 0]);
}
