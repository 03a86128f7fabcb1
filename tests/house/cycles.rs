//! Checks that the files and the rooms (docs/ARCHITECTURE.md) of a crate form no cycle of imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::modules::{Edges, Modules};
use crate::root;

/// Known cycles. Remove an entry with its cycle.
const KNOWN: [&str; 0] = [];

/// Returns the `src/` of each crate below a folder.
fn sources(root: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = folders.chain([root.to_owned()]).map(|folder| folder.join("src")).collect();
    found.retain(|source| source.is_dir());
    found.sort();
    found
}

/// Returns the edges between rooms. A folder and the file of the same name are one room. The crate's root is no room.
fn room_edges(source: &Path, edges: &Edges) -> Edges {
    let room = |file: &str| {
        let path = Path::new(file).strip_prefix(source).unwrap().with_extension("");
        let name = path.iter().next().unwrap().to_str().unwrap().to_owned();
        Some(name).filter(|name| name != "lib" && name != "main")
    };
    let mut rooms = Edges::new();
    for ((from, to), names) in edges {
        if let (Some(from), Some(to)) = (room(from), room(to))
            && from != to
        {
            rooms.entry((from, to)).or_default().extend(names.iter().cloned());
        }
    }
    rooms
}

/// Returns the groups of nodes that can all reach each other.
fn cycles(edges: &Edges) -> BTreeSet<Vec<&str>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in edges.keys() {
        next.entry(from).or_default().push(to);
    }
    let reached = |start| {
        let (mut found, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(node) = open.pop() {
            open.extend(next.get(node).into_iter().flatten().filter(|&&node| found.insert(node)));
        }
        found
    };
    let all: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|&node| (node, reached(node))).collect();
    let group = |node: &&str| {
        let others = all[*node].iter().filter(|other| all.get(*other).is_some_and(|back| back.contains(node)));
        others.copied().collect::<Vec<_>>()
    };
    all.keys().map(group).filter(|group| group.len() > 1).collect()
}

/// Returns the cycles of files and rooms below a folder: the nodes of each, and the imports between them as text.
fn all_cycles(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for source in sources(root) {
        let files = Modules::read(&source).edges();
        let rooms = room_edges(&source, &files);
        for edges in [&files, &rooms] {
            for cycle in cycles(edges) {
                let short =
                    |node: &str| Path::new(node).strip_prefix(&source).unwrap_or(Path::new(node)).display().to_string();
                let is_inside =
                    |(from, to): &&(String, String)| cycle.contains(&from.as_str()) && cycle.contains(&to.as_str());
                let ties = edges.iter().filter(|(key, _)| is_inside(key));
                let ties = ties.map(|((from, to), names)| format!("\n    {} -> {}: {names:?}", short(from), short(to)));
                let folder = source.strip_prefix(root).unwrap().display();
                let nodes = cycle.iter().map(|node| short(node)).collect::<Vec<_>>().join(" ");
                found.push((format!("{folder}: {nodes}"), ties.collect()));
            }
        }
    }
    found
}

#[test]
fn modules_form_no_cycle() {
    let found = all_cycles(root());
    let is_new = |(cycle, _): &&(String, String)| !KNOWN.contains(&cycle.as_str());
    let new: Vec<_> = found.iter().filter(is_new).map(|(cycle, ties)| format!("{cycle}{ties}")).collect();
    assert!(new.is_empty(), "cycles of imports:\n{}", new.join("\n"));
    let is_gone = |known: &&str| !found.iter().any(|(cycle, _)| cycle == *known);
    let gone: Vec<_> = KNOWN.into_iter().filter(is_gone).collect();
    assert!(gone.is_empty(), "these cycles are gone; remove them from the list: {gone:?}");
}

#[test]
fn names_are_resolved_to_their_defining_file() {
    let source = root().join("blog-service/src");
    let edges = Modules::read(&source).edges();
    let names = |from, to| edges.get(&(from, to)).cloned().unwrap_or_default();
    let file = |name| source.join(name).display().to_string();
    assert!(names(file("app/create.rs"), file("domain/post.rs")).contains("Post"), "through domain/mod.rs");
    assert!(names(file("run.rs"), file("app/state.rs")).contains("BlogState"), "through app/mod.rs");
    assert!(names(file("run.rs"), file("policy.rs")).contains("SERVICES"), "through the imported module");
    assert!(names(file("domain/mod.rs"), file("domain/post.rs")).is_empty(), "a table of contents");
    let tie = |(from, to): (&str, &str)| ((from.to_owned(), to.to_owned()), BTreeSet::new());
    let edges = Edges::from([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")].map(tie));
    assert_eq!(cycles(&edges), [vec!["a", "b", "c"]].into());
}

/// Prints the cycles of the checkout in `GATEPOST_CHECKOUT`, which `scripts/figures` sets.
#[test]
#[ignore = "prints a figure; checks no rule"]
#[expect(clippy::disallowed_methods, reason = "scripts/figures passes the folder in the environment")]
fn cycles_of_another_checkout() {
    let root = std::env::var_os("GATEPOST_CHECKOUT").expect("GATEPOST_CHECKOUT names a folder");
    for (cycle, ties) in all_cycles(Path::new(&root)) {
        println!("cycle: {cycle}{ties}");
    }
}
