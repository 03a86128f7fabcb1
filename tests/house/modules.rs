//! Modules of a crate and the names that they import from each other, read from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::files;

/// A `use` of one name.
struct Use {
    path: Vec<String>,
    name: String,
    is_public: bool,
}

/// A source file, without comments, string literals and tests.
struct File {
    path: PathBuf,
    module: Vec<String>,
    uses: Vec<Use>,
    /// Paths of at least two words in the code, without `use`.
    paths: Vec<Vec<String>>,
    /// Single words in the code, except methods and fields.
    words: BTreeSet<String>,
}

/// Files of a crate's `src/`.
pub(crate) struct Modules {
    name: String,
    files: Vec<File>,
    of_module: BTreeMap<Vec<String>, usize>,
}

/// Names that one node imports from another.
pub(crate) type Edges = BTreeMap<(String, String), BTreeSet<String>>;

impl Modules {
    pub(crate) fn read(source: &Path) -> Self {
        let name = source.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        let mut tests = Vec::new();
        let paths = files(source).into_iter().filter(|path| !path.starts_with(source.join("generated")));
        let mut files: Vec<_> = paths.map(|path| File::read(source, path, &mut tests)).collect();
        files.retain(|file| !tests.iter().any(|test| file.module.starts_with(test)));
        // A `main.rs` comes last: in a crate with a library, `lib.rs` is the root module.
        files.sort_by_key(|file| file.path.ends_with("main.rs"));
        let mut of_module = BTreeMap::new();
        for (index, file) in files.iter().enumerate() {
            of_module.entry(file.module.clone()).or_insert(index);
        }
        Self { name: name.replace('-', "_"), files, of_module }
    }

    /// Returns the names that each file uses from each other file.
    pub(crate) fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (index, file) in self.files.iter().enumerate() {
            let is_used =
                |one: &&Use| !(one.is_public && self.is_own_child(index, one)) || file.words.contains(&one.name);
            let used = file.uses.iter().filter(is_used).map(|one| &one.path);
            for path in used.chain(&file.paths) {
                let Some(path) = self.absolute(file, path) else { continue };
                let target = self.definer(&path, 9);
                if target != index {
                    let name = path.last().map_or("crate", String::as_str);
                    let key = [index, target].map(|file| self.files[file].path.display().to_string());
                    edges.entry(key.into()).or_default().insert(name.to_owned());
                }
            }
        }
        edges
    }

    /// Returns true if the `use` takes a name from a module below the file's own. Such a public `use` only
    /// re-exports the name.
    fn is_own_child(&self, index: usize, one: &Use) -> bool {
        let path = self.absolute(&self.files[index], &one.path);
        let target = path.map_or(index, |path| self.definer(&path, 9));
        target != index && self.files[target].module.starts_with(&self.files[index].module)
    }

    /// Returns the path from the crate's root; `None` for a path of another crate.
    fn absolute(&self, file: &File, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => file.module.clone(),
            "super" => file.module.split_last()?.1.to_vec(),
            first if first == self.name => Vec::new(),
            first => {
                let child = [file.module.as_slice(), &[first.to_owned()]].concat();
                if self.of_module.contains_key(&child) {
                    child
                } else {
                    let alias = file.uses.iter().find(|one| one.name == first && one.path != path)?;
                    let is_root = matches!(alias.path[0].as_str(), "crate" | "self" | "super");
                    if is_root || alias.path[0] != first { self.absolute(file, &alias.path)? } else { return None }
                }
            }
        };
        for part in rest {
            if part == "super" { drop(base.pop()) } else { base.push(part.clone()) }
        }
        Some(base)
    }

    /// Returns the file that defines the name of a path. Follows at most `turns` re-exports.
    fn definer(&self, path: &[String], turns: u8) -> usize {
        let found = (0..=path.len()).rev().find_map(|end| Some((end, *self.of_module.get(&path[..end])?)));
        let Some((end, index)) = found else { return 0 };
        let Some(name) = path.get(end) else { return index };
        let file = &self.files[index];
        let target = file.uses.iter().find(|one| one.name == *name).and_then(|one| self.absolute(file, &one.path));
        match target {
            Some(target) if turns > 0 => self.definer(&[&target, &path[end + 1..]].concat(), turns - 1),
            _ => index,
        }
    }
}

impl File {
    /// Reads a file. Adds its test modules to `tests`.
    fn read(source: &Path, path: PathBuf, tests: &mut Vec<Vec<String>>) -> Self {
        let relative = path.strip_prefix(source).unwrap().with_extension("");
        let mut module: Vec<_> = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        module.pop_if(|last| ["lib", "main", "mod"].contains(&last.as_str()));
        let text = fs::read_to_string(&path).unwrap();
        let (mut uses, mut paths, mut words) = (Vec::new(), Vec::new(), BTreeSet::new());
        let all = tokens(&text);
        let mut rest = all.as_slice();
        let mut before = "";
        while let Some((&token, after)) = rest.split_first() {
            rest = after;
            if token == "#" && after.starts_with(&["[", "cfg", "(", "test", ")", "]"]) {
                let (item, after) = after[6..].split_at(item_length(&after[6..]));
                if let ["mod", name, ";"] = item {
                    tests.push([module.as_slice(), &[(*name).to_owned()]].concat());
                }
                rest = after;
            } else if token == "use" && after.first() != Some(&"<") {
                rest = read_use(after, &[], before == "pub" || before == ")", &mut uses);
            } else if is_word(token) && before != "::" {
                let mut path = vec![token.to_owned()];
                while let ["::", part, after @ ..] = rest
                    && is_word(part)
                {
                    path.push((*part).to_owned());
                    rest = after;
                }
                // A word after a dot is a method or a field, not a name of a module.
                if path.len() > 1 {
                    paths.push(path);
                } else if before != "." && before != "mod" {
                    words.insert(token.to_owned());
                }
            }
            before = token;
        }
        Self { path, module, uses, paths, words }
    }
}

/// Reads the tree after `use`, or a branch of the tree, and returns the tokens after it.
fn read_use<'a, 'b>(mut rest: &'b [&'a str], base: &[String], is_public: bool, uses: &mut Vec<Use>) -> &'b [&'a str] {
    let mut path = base.to_vec();
    let mut name = None;
    while let Some((&token, after)) = rest.split_first() {
        match token {
            "{" => {
                rest = after;
                while rest.first() != Some(&"}") {
                    rest = read_use(rest, &path, is_public, uses);
                    rest = rest.strip_prefix(&[","]).unwrap_or(rest);
                }
                return &rest[1..];
            }
            "," | "}" | ";" => break,
            "as" => name = after.first().map(|&name| name.to_owned()),
            "self" if !path.is_empty() => {}
            token if is_word(token) && name.is_none() => path.push(token.to_owned()),
            _ => {}
        }
        rest = after;
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    uses.push(Use { path, name, is_public });
    rest
}

/// Returns the number of tokens of an item, up to its `;` or closing brace.
fn item_length(tokens: &[&str]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match *token {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(*token, ";" | "}") {
            return index + 1;
        }
    }
    tokens.len()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
}

/// Returns the tokens of a source: words, `::`, and other single characters, without comments and literals.
fn tokens(mut text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    while let Some(first) = text.chars().next() {
        let word = text.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(text.len());
        let after = &text[word..];
        let length = if text.starts_with("//") {
            text.find('\n').unwrap_or(text.len())
        } else if text.starts_with("/*") {
            text.find("*/").map_or(text.len(), |end| end + 2)
        } else if ["r", "br"].contains(&&text[..word]) && after.trim_start_matches('#').starts_with('"') {
            let hashes = after.len() - after.trim_start_matches('#').len();
            let end = format!("\"{}", "#".repeat(hashes));
            let body = word + hashes + 1;
            text[body..].find(&end).map_or(text.len(), |found| body + found + end.len())
        } else if first == '"' {
            literal_length(text, '"')
        } else if first == '\'' && (text[1..].starts_with('\\') || text.chars().nth(2) == Some('\'')) {
            literal_length(text, '\'')
        } else {
            let length = if text.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            if !first.is_whitespace() {
                found.push(&text[..length]);
            }
            length
        };
        text = &text[length..];
    }
    found
}

/// Returns the length of a string or character literal at the start of the text.
fn literal_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    let end = text[1..].find(|char| {
        let is_end = char == quote && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end + 2)
}
