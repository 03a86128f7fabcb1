//! Statements of a store, read from its sources.

use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::str::Chars;

/// First words of statements.
const STATEMENT_VERBS: [&str; 5] = ["select ", "insert ", "update ", "delete ", "with "];

/// Folders that are not searched. The folders of one engine use no tables of a store, and a copy must scan all tables.
const SKIPPED_FOLDERS: [&str; 3] = ["sqlite", "postgres", "copy"];

/// A statement of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Path of the file.
    pub place: String,
    /// Text as the database gets it.
    pub sql: String,
}

/// Returns all statements in the Rust files below these folders, except those in skipped folders.
///
/// # Panics
/// Panics if a file cannot be read. Panics if a folder has no statement, because a test would check nothing.
pub fn statements(folders: &[&Path]) -> Vec<Statement> {
    let mut all = Vec::new();
    for folder in folders {
        let before = all.len();
        for file in files(folder) {
            let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let place = file.display().to_string();
            let found = literals(&text)
                .into_iter()
                .filter(|literal| STATEMENT_VERBS.iter().any(|verb| literal.starts_with(verb)));
            all.extend(found.map(|sql| Statement { place: place.clone(), sql }));
        }
        assert!(all.len() > before, "there is no statement in {}", folder.display());
    }
    all
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        if !path.is_dir() {
            found.extend(path.extension().is_some_and(|extension| extension == "rs").then_some(path));
        } else if !SKIPPED_FOLDERS.iter().any(|folder| path.ends_with(folder)) {
            found.extend(files(&path));
        }
    }
    found.sort();
    found
}

/// Returns the string literals of a Rust source, unescaped, outside of comments.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source.chars().peekable();
    let mut before = ' ';
    while let Some(sign) = rest.next() {
        match sign {
            '/' if rest.peek() == Some(&'/') => {
                let _ = rest.by_ref().find(|sign| *sign == '\n');
            }
            '"' if before == 'r' || before == '#' => found.push(raw(&mut rest)),
            // `'"'` and `b'"'` begin no literal.
            '"' if before != '\'' => found.push(unescaped(&mut rest)),
            _ => {}
        }
        before = sign;
    }
    found
}

/// Returns the text before the closing quote. A backslash at the end of a line joins that line with the next line.
fn unescaped(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(sign) = rest.next() {
        match (sign, if sign == '\\' { rest.next() } else { None }) {
            ('"', _) => break,
            ('\\', Some('\n')) => while rest.next_if(|sign| sign.is_whitespace()).is_some() {},
            ('\\', Some('n' | 't' | 'r')) => text.push(' '),
            ('\\', Some(escaped)) => text.push(escaped),
            _ => text.push(sign),
        }
    }
    text
}

/// Returns a raw text up to its first quote, because no statement contains a quote.
fn raw(rest: &mut Peekable<Chars<'_>>) -> String {
    rest.by_ref().take_while(|sign| *sign != '"').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_like_the_compiler_does() {
        let source =
            "// \"no\"\nlet a = \"select 1 \\\n         from \\\"t\\\"\"; let b = ('\"', b'\"', \"\\\\\"); r#\"raw\"#";
        assert_eq!(literals(source), ["select 1 from \"t\"", "\\", "raw"]);
    }

    #[test]
    fn statements_in_skipped_folders_are_omitted() {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("a.rs", "const SQL: &str = \"select 1\";\nconst NO: &str = \"selected\";"),
            ("deep/b.rs", "query(\"delete from t \\\n   where id = $1\")"),
            ("sqlite/c.rs", "\"select 2\""),
            ("deep/copy/e.rs", "\"select 4\""),
            ("d.txt", "\"select 3\""),
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = statements(&[folder.path()]);
        let found: Vec<_> = found.iter().map(|statement| statement.sql.as_str()).collect();
        assert_eq!(found, ["select 1", "delete from t where id = $1"]);
    }
}
