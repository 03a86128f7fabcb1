//! The language of the sources: plain openings of doc comments, short sentences, no unclear words in texts.

use std::fs;

use crate::{files, root};

/// The first words of noun clauses and of inverted sentences.
const OPENINGS: [&str; 20] = [
    "what", "who", "whoever", "whom", "whose", "whether", "how", "when", "why", "where", "which", "of", "as", "for",
    "by", "that", "those", "it", "its", "if",
];

/// Words that no text of a program has.
const BANNED: [&str; 6] = ["none that", "whoever", "whosever", "whomever", "of which", "anew"];

/// The largest share of doc comments with such an opening, in percent.
const MAX_OPENINGS: usize = 3;

/// The largest number of words in a sentence of a doc comment.
const MAX_WORDS: usize = 30;

/// A doc comment: its place, and its text without code, lists and tables.
struct Doc {
    place: String,
    text: String,
}

/// Returns the doc comments of all sources that are written by hand.
fn docs() -> Vec<Doc> {
    let mut found = Vec::new();
    let rooms = [
        "src",
        "kit",
        "db",
        "auth-service",
        "blog-service",
        "standalone",
        "testkit",
        "bench",
        "model",
        "codegen",
        "fuzz/src",
    ];
    let generated = root().join("src/generated");
    for file in rooms.iter().flat_map(|room| files(&root().join(room))).filter(|file| !file.starts_with(&generated)) {
        let (text, mut open, mut in_code) = (fs::read_to_string(&file).unwrap(), None::<Doc>, false);
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let Some(words) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
                found.extend(open.take());
                in_code = false;
                continue;
            };
            let words = words.trim();
            let doc = open.get_or_insert_with(|| Doc {
                place: format!("{}:{}", file.strip_prefix(root()).unwrap().display(), number + 1),
                text: String::new(),
            });
            in_code ^= words.starts_with("```");
            let is_prose = !in_code && !words.starts_with(['`', '|', '#', '-', '*']);
            doc.text.push_str(if is_prose && !words.is_empty() { words } else { "." });
            doc.text.push(' ');
        }
        found.extend(open);
    }
    found
}

#[test]
fn doc_comments_open_plainly() {
    let docs = docs();
    let opens_badly = |doc: &&Doc| {
        let first = doc.text.split_whitespace().next().unwrap_or_default().to_lowercase();
        OPENINGS.contains(&first.trim_matches(|sign: char| !sign.is_alphabetic()))
    };
    let bad: Vec<_> = docs.iter().filter(opens_badly).map(|doc| doc.place.as_str()).collect();
    assert!(docs.len() > 3_000, "{} doc comments", docs.len());
    assert!(bad.len() * 100 <= docs.len() * MAX_OPENINGS, "open with a verb or a noun:\n{}", bad.join("\n"));
}

#[test]
fn sentences_of_doc_comments_are_short() {
    let mut long = Vec::new();
    for Doc { place, text } in docs() {
        for sentence in text.split_inclusive(['.', '!', '?', ':', ';']).collect::<Vec<_>>() {
            let words = sentence.split_whitespace().count();
            if words > MAX_WORDS {
                long.push(format!("{place}: {words} words: {sentence}"));
            }
        }
    }
    assert!(long.is_empty(), "split these sentences:\n{}", long.join("\n"));
}

#[test]
fn program_texts_have_no_unclear_words() {
    let rooms = ["src", "kit/src", "db/src", "auth-service/src", "blog-service/src", "standalone/src"];
    let mut found = Vec::new();
    for file in rooms.iter().flat_map(|room| files(&root().join(room))) {
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.trim_start();
            let texts = code.split('"').skip(1).step_by(2).collect::<String>().to_lowercase();
            if !code.starts_with("//") && BANNED.iter().any(|word| texts.contains(word)) {
                found.push(format!("{}:{}: {code}", file.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "use plain words:\n{}", found.join("\n"));
}
