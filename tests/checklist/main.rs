//! The checklists `docs/security.md`, `docs/reliability.md` and `docs/asvs.md`: each cited code and each requirement has
//! one row, each row names tests that exist.

#![cfg(test)]

mod asvs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The pages that define the codes.
const PAGES: [&str; 2] = ["docs/security.md", "docs/reliability.md"];

/// The letters of the codes: controls, faults of library defaults, reliability.
const LETTERS: [char; 3] = ['C', 'F', 'R'];

/// The words of a row without a test, or with a gap.
const GAP: &str = "not yet";

/// The extensions of the files whose comments may cite codes.
const ENDINGS: [&str; 4] = ["rs", "proto", "sql", "md"];

/// A row of a page.
struct Row {
    page: &'static str,
    code: String,
    cells: Vec<String>,
}

/// A test function of the sources.
struct Test {
    /// The folders of its file, and the file's name without its extension.
    places: Vec<String>,
    name: String,
    /// The comments and attributes before it.
    head: String,
}

/// A test as a row names it: `file::name`, or `crate file::name` where two files share the name.
#[derive(Debug, PartialEq)]
struct Named<'a> {
    places: Vec<&'a str>,
    name: &'a str,
}

/// Returns the workspace's folder: the first above this package that has a lock file.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().find(|folder| folder.join("Cargo.lock").exists()).expect("a folder with Cargo.lock")
}

/// Lists the files below a folder whose comments may cite codes, without build results and hidden folders.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// Reads the rows of both pages: the lines of a table that begin with a code.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for page in PAGES {
        for cells in fs::read_to_string(root().join(page)).unwrap().lines().filter_map(cells) {
            if is_code(&cells[0]) {
                rows.push(Row { page, code: cells[0].clone(), cells });
            }
        }
    }
    rows
}

/// Returns the cells of a line of a table.
fn cells(line: &str) -> Option<Vec<String>> {
    let line = line.strip_prefix("| ")?;
    Some(line.trim_end().trim_end_matches('|').split(" | ").map(str::to_owned).collect())
}

/// Returns true if the word is a code: one of the letters and one or two digits.
fn is_code(word: &str) -> bool {
    word.strip_prefix(LETTERS)
        .is_some_and(|digits| (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lists the codes that a text cites.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric() && char != '_').filter(|word| is_code(word))
}

/// Returns the length of the text's first token, and whether that token is a comment.
fn token(text: &str, line_comment: &str) -> (usize, bool) {
    let until = |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    let first = text.chars().next().map_or(1, char::len_utf8);
    if text.starts_with(line_comment) {
        return (text.find('\n').unwrap_or(text.len()), true);
    }
    if text.starts_with("/*") {
        return (until("*/", 2), true);
    }
    // An identifier is one token, so that an `r` at the end of a name does not begin a raw string.
    let word = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
    if word > 0 {
        let hashes = text[word..].bytes().take_while(|byte| *byte == b'#').count();
        let is_raw = ["r", "br", "cr"].contains(&&text[..word]) && text[word + hashes..].starts_with('"');
        let end = format!("\"{}", "#".repeat(hashes));
        return (if is_raw { until(&end, word + hashes + 1) } else { word }, false);
    }
    if let Some(rest) = text.strip_prefix('"') {
        let mut is_escaped = false;
        let end = rest.find(|char| {
            let ends = char == '"' && !is_escaped;
            is_escaped = char == '\\' && !is_escaped;
            ends
        });
        return (end.map_or(text.len(), |at| at + 2), false);
    }
    // A character literal, which may contain a quote. Any other apostrophe begins a lifetime.
    let quoted = text.strip_prefix('\'').and_then(|rest| rest.chars().next().map(|char| (char, rest)));
    match quoted {
        Some(('\\', rest)) => (rest.get(2..).and_then(|rest| rest.find('\'')).map_or(1, |at| at + 4), false),
        Some((char, rest)) if rest[char.len_utf8()..].starts_with('\'') => (char.len_utf8() + 2, false),
        _ => (first, false),
    }
}

/// Returns the comments of a source, at the same line numbers. Everything else is removed.
fn comments(text: &str, line_comment: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        let (length, is_comment) = token(rest, line_comment);
        let (token, left) = rest.split_at(length);
        if is_comment {
            kept.push_str(token);
        } else {
            kept.extend(token.chars().filter(|char| *char == '\n'));
        }
        rest = left;
    }
    kept
}

/// Lists the tests of a Rust file: functions with a test's attribute, and those that a macro lists for both engines.
fn tests(path: &Path) -> Vec<Test> {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let places: Vec<String> = path.strip_prefix(root()).unwrap().with_extension("").iter().map(text_of).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let Some(rest) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ") else { continue };
        let name = rest.split(['(', '<']).next().unwrap_or_default();
        let begin = lines[..at].iter().rposition(|line| !line.starts_with("#[") && !line.starts_with("//"));
        let head = lines[begin.map_or(0, |begin| begin + 1)..at].join("\n");
        let is_test = |line: &str| line.starts_with("#[") && line.contains("test") && !line.starts_with("#[cfg(");
        if head.lines().any(is_test) || lines.contains(&format!("{name},").as_str()) {
            found.push(Test { places: places.clone(), name: name.to_owned(), head });
        }
    }
    found
}

fn text_of(part: &std::ffi::OsStr) -> String {
    part.to_string_lossy().into_owned()
}

/// Lists the tests that a cell names, each between backticks and with `::` before the function's name.
fn named(cell: &str) -> Vec<Named<'_>> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let read = |span| {
        let (places, name) = str::rsplit_once(span, "::")?;
        let places: Vec<&str> = places.split([' ', ':']).filter(|place| !place.is_empty()).collect();
        let is_test = is_word(name) && !places.is_empty() && places.iter().all(|place| is_word(place));
        is_test.then_some(Named { places, name })
    };
    cell.split('`').skip(1).step_by(2).filter_map(read).collect()
}

impl Test {
    /// Returns true if the row names this test: each part before the last `::` is a folder or the name of the test's
    /// file.
    fn is(&self, named: &Named<'_>) -> bool {
        self.name == named.name && named.places.iter().all(|place| self.places.iter().any(|own| own == place))
    }

    fn shown(&self) -> String {
        format!("`{}::{}`", self.places.join("/"), self.name)
    }
}

/// Returns the faults of a row, each with a hint on how to correct it.
fn faults(row: &Row, all: &[Test]) -> Vec<String> {
    let Row { page, code, cells } = row;
    if cells.len() != 4 || cells.iter().any(|cell| cell.trim().is_empty()) {
        return vec![format!("{page}, row {code}: must have four cells, and has {}", cells.len())];
    }
    let named = named(&cells[3]);
    if named.is_empty() && !cells[3].contains(GAP) {
        return vec![format!("{page}, row {code}: names no test as `file::function`, and does not say \"{GAP}\"")];
    }
    let missing = named.iter().filter(|named| !all.iter().any(|test| test.is(named)));
    let say = |named: &Named<'_>| {
        let moved = all.iter().filter(|test| test.name == named.name);
        let citing = all.iter().filter(|test| codes(&test.head).any(|cited| cited == code));
        let (moved, citing): (Vec<_>, Vec<_>) = (moved.map(Test::shown).collect(), citing.map(Test::shown).collect());
        let hint = if !moved.is_empty() {
            format!("it is in {}", moved.join(", "))
        } else if citing.is_empty() {
            "name the test that replaced it".to_owned()
        } else {
            format!("tests whose comments cite {code}: {}", citing.join(", "))
        };
        format!("{page}, row {code}: no test `{}::{}`; {hint}", named.places.join(" "), named.name)
    };
    missing.map(say).collect()
}

/// Lists all tests of the repository.
fn all_tests() -> Vec<Test> {
    let sources = files(root()).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    sources.flat_map(|path| tests(&path)).collect()
}

#[test]
fn each_code_has_one_row_and_no_number_is_left_out() {
    let mut found = BTreeMap::<String, Vec<&str>>::new();
    for row in rows() {
        found.entry(row.code).or_default().push(row.page);
    }
    let twice: Vec<_> = found.iter().filter(|(_, pages)| pages.len() > 1).collect();
    assert!(twice.is_empty(), "defined more than once: {twice:?}");
    for letter in LETTERS {
        let numbers: BTreeSet<u32> = found.keys().filter_map(|code| code.strip_prefix(letter)?.parse().ok()).collect();
        let most = numbers.last().copied().unwrap_or_default();
        let left_out: Vec<_> = (1..=most).filter(|number| !numbers.contains(number)).collect();
        assert!(most > 0 && left_out.is_empty(), "{letter} has no row for {left_out:?}");
    }
}

#[test]
fn each_row_names_tests_that_exist_or_says_not_yet() {
    let all = all_tests();
    let faults: Vec<_> = rows().iter().flat_map(|row| faults(row, &all)).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn each_code_that_is_cited_has_a_row() {
    let defined: BTreeSet<String> = rows().into_iter().map(|row| row.code).collect();
    let (mut unknown, mut cited) = (Vec::new(), 0);
    for path in files(root()) {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("md") => text,
            Some("sql") => comments(&text, "--"),
            _ => comments(&text, "//"),
        };
        for (line, code) in
            (1..).zip(text.lines()).flat_map(|(number, line)| codes(line).map(move |code| (number, code)))
        {
            cited += 1;
            if !defined.contains(code) {
                unknown.push(format!("{}:{line}: {code}", shown(&path)));
            }
        }
    }
    assert!(unknown.is_empty(), "add a row to {PAGES:?}, or correct the code:\n{}", unknown.join("\n"));
    assert!(cited > defined.len(), "the sources cite codes");
}

#[test]
fn codes_are_words_of_their_own() {
    let found = |text| codes(text).collect::<Vec<_>>().join(" ");
    assert_eq!(found("C1\u{2013}C21, (F8); R3's"), "C1 C21 F8 R3");
    assert_eq!(found("0xC5 C100 c51 C51_x xR3 F R1a \u{e9}C2 CC3"), "");
}

#[test]
fn comments_differ_from_strings() {
    let source = "let a = \"// C1\"; // C2\nlet b = r#\"\" // C3\"#; /* C4\nC5 */ '\"' // C6\nlet c: &'a str = \"\\\" // C7\";\n/// C8";
    assert_eq!(codes(&comments(source, "//")).collect::<Vec<_>>(), ["C2", "C4", "C5", "C6", "C8"]);
    let lines: Vec<_> = comments(source, "//").lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), lines[3].as_str(), lines[4].as_str()), (5, "", "/// C8"));
    assert_eq!(comments("select 'C1' -- C2\n", "--"), "-- C2\n");
    assert_eq!(comments("'\\n' '\\u{1f}' 'x' // C9", "//"), "// C9");
}

#[test]
fn faulty_row_is_reported() {
    let all = all_tests();
    let told = |tests: &str| {
        let cells = ["C99", "a threat", "a control", tests].map(str::to_owned).to_vec();
        faults(&Row { page: PAGES[0], code: "C99".to_owned(), cells }, &all).join("\n")
    };
    assert_eq!(told("`checklist::codes_are_words_of_their_own`, `tests checklist::comments_differ_from_strings`"), "");
    assert_eq!(
        told("**not yet**: a reason, `cargo deny`, `std::fs` aside"),
        "docs/security.md, row C99: no test `std::fs`; name the test that replaced it"
    );
    assert!(told("nothing").contains("row C99: names no test"));
    assert!(
        told("`house::codes_are_words_of_their_own`")
            .ends_with("it is in `tests/checklist/main::codes_are_words_of_their_own`")
    );
    assert!(told("`checklist::root`").contains("no test `checklist::root`"), "a function that is no test");
    assert!(told("").contains("must have four cells"));
}
