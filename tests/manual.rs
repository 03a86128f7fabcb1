//! Tests of `src/manual.md`: each quoted block equals its source file, and each grpcurl call matches the contract.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use serde_json::Value;

const MANUAL: &str = include_str!("../src/manual.md");

/// The start of a comment that names the source file of the next code block.
const QUOTED: &str = "<!-- ";

/// Returns each quoted block: the path of its source file, and its lines.
fn quotes() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found = Vec::new();
    let mut lines = MANUAL.lines();
    while let Some(line) = lines.next() {
        let Some(file) = line.strip_prefix(QUOTED).and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        assert_eq!(lines.next(), Some("```rust,ignore"), "{file}: no block follows");
        found.push((file, lines.by_ref().take_while(|line| *line != "```").collect()));
    }
    found
}

/// Returns true if `text` contains these lines one after the other, all indented by the same amount.
fn contains(text: &str, quote: &[&str]) -> bool {
    let lines: Vec<_> = text.lines().collect();
    lines.windows(quote.len()).any(|window| {
        let indent = window[0].len() - window[0].trim_start().len();
        let unindented = window.iter().map(|line| line.get(indent..).unwrap_or_default());
        unindented.eq(quote.iter().copied())
    })
}

#[test]
fn quoted_code_equals_its_file() {
    let quotes = quotes();
    let blocks = MANUAL.matches("```rust,ignore").count();
    assert_eq!(quotes.len(), blocks, "each `rust,ignore` block names its source file");
    assert!(quotes.len() >= 9, "{quotes:?}");
    for (file, quote) in quotes {
        let text = fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(file)).unwrap();
        assert!(!quote.is_empty() && contains(&text, &quote), "{file} does not have:\n{}", quote.join("\n"));
    }
}

#[test]
fn changed_quote_is_detected() {
    let text = "fn main() {\n    let a = 1;\n    if a {\n        b();\n    }\n}\n";
    assert!(contains(text, &["let a = 1;", "if a {", "    b();", "}"]));
    assert!(!contains(text, &["let a = 1;", "if a {", "b();", "}"]));
    assert!(!contains(text, &["let a = 2;"]));
}

/// Returns the JSON and the method of a grpcurl line. In the JSON, the name of a shell variable stands for its value.
fn call(line: &str) -> (Value, &str) {
    let (before, method) = line.rsplit_once(' ').unwrap();
    let json = before.split_once("-d '").unwrap().1.rsplit_once('\'').unwrap().0;
    let json = json.split("'\"$").enumerate().map(|(part, text)| match (part, text.split_once("\"'")) {
        (0, _) | (_, None) => text.to_owned(),
        (_, Some((variable, rest))) => format!("{variable}{rest}"),
    });
    (serde_json::from_str(&json.collect::<String>()).unwrap(), method)
}

#[test]
fn grpcurl_lines_match_the_contract() {
    let set = FileDescriptorSet::decode(gatepost::api::DESCRIPTOR_SET).unwrap();
    let lines: Vec<_> = MANUAL.lines().filter(|line| line.starts_with("grpcurl ")).collect();
    assert!(!lines.is_empty());
    for line in lines {
        let (json, path) = call(line);
        let (service, method) = path.split_once('/').unwrap();
        let services = set.file.iter().flat_map(|file| file.service.iter().map(move |service| (file, service)));
        let named = |file: &prost_types::FileDescriptorProto, name: &str| format!("{}.{name}", file.package());
        let found = services.filter(|(file, one)| named(file, one.name()) == service);
        let input = found.flat_map(|(_, one)| &one.method).find(|one| one.name() == method);
        let input = input.unwrap_or_else(|| panic!("{path} is not in the contract")).input_type().to_owned();
        let messages = set.file.iter().flat_map(|file| file.message_type.iter().map(move |message| (file, message)));
        let (_, message) =
            messages.into_iter().find(|(file, one)| format!(".{}", named(file, one.name())) == input).unwrap();
        let fields: BTreeSet<_> = message.field.iter().map(|field| field.name().to_owned()).collect();
        for name in json.as_object().unwrap().keys() {
            assert!(fields.contains(name), "{path} has no field {name}");
        }
    }
}
