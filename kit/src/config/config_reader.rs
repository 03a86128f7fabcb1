//! Reader of the configuration file: settings below the environment, in TOML.
//!
//! A key is the name of its variable: `AUTH_ACCESS_TTL` is `access-ttl` in the table `[auth]`. The file holds no secret,
//! so that it can be public: a key with the suffix `-file` names a file that holds one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::config_file::{ConfigFile, FileSetting};
use super::file_key::TABLES;
use super::names::nearest_key;
use super::text::cleaned;
use super::{CONFIG_VARIABLE, ConfigError, KnownNames};

/// Longest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Longest key that is shown, in bytes.
const MAX_SHOWN_KEY: usize = 48;

/// Reads the file. Tables of other programs are ignored.
///
/// # Errors
/// Names the file, the line and the key, and never shows a value.
pub(super) fn read_file(path: &Path, known: &KnownNames) -> Result<ConfigFile, ConfigError> {
    let name = path.display().to_string();
    let refused = |problem: String| ConfigError::setting(format!("--config ({CONFIG_VARIABLE})"), problem);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    let length = read.map_err(|error| refused(format!("{name} cannot be read ({})", error.kind())))?;
    if u64::try_from(length).is_ok_and(|length| length > MAX_FILE_BYTES) {
        return Err(refused(format!("{name} has more than 1 MiB: name a file of settings")));
    }
    Reader { name: &name, text: &text, known }.read()
}

/// Text of a file, with the names of the settings.
struct Reader<'r> {
    name: &'r str,
    text: &'r str,
    known: &'r KnownNames,
}

impl Reader<'_> {
    fn read(&self) -> Result<ConfigFile, ConfigError> {
        let file = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            ConfigError::setting(self.line(at), format!("is not TOML: {}", error.message()))
        })?;
        let mut settings = BTreeMap::new();
        for (table, value) in file.get_ref() {
            let place = self.line(table.span().start);
            let name = table.get_ref();
            let DeValue::Table(entries) = value.get_ref() else {
                let problem = "is in no table: write it below [auth], [blog] or [gatepost]";
                return Err(ConfigError::setting(format!("{place}: {}", shown(name)), problem));
            };
            if !TABLES.contains(&&**name) {
                let problem = "is not a table of settings: write [auth], [blog] or [gatepost]";
                return Err(ConfigError::setting(format!("{place}: [{}]", shown(name)), problem));
            }
            let keys = self.known.keys(name);
            if keys.is_empty() {
                continue;
            }
            for (key, value) in entries {
                let line = self.line(key.span().start);
                let place = format!("{line}: [{name}] {}", shown(key.get_ref()));
                let variable = Self::variable(key.get_ref(), &keys).map_err(|problem| refused(&place, &problem))?;
                let value = self.value(key.get_ref(), &variable, value).map_err(|problem| refused(&place, &problem))?;
                let flag = format!("--{}", key.get_ref());
                if !value.is_empty() {
                    settings.insert(variable, FileSetting { value, flag, place, line });
                }
            }
        }
        Ok(ConfigFile { path: self.name.to_owned(), settings })
    }

    /// Returns the file and the line of this byte.
    fn line(&self, at: usize) -> String {
        let line = self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", self.name)
    }

    /// Returns the variable of a key.
    fn variable(key: &str, keys: &BTreeMap<String, String>) -> Result<String, String> {
        if let Some(variable) = keys.get(key) {
            return Ok(variable.clone());
        }
        Err(match nearest_key(key, keys.keys()) {
            Some(nearest) => format!("is not a setting, but {nearest} is: rename it, or remove it"),
            None => "is not a setting: remove it, or see `--help` for the list".to_owned(),
        })
    }

    /// Returns the text of a value.
    fn value(&self, key: &str, variable: &str, value: &Spanned<DeValue<'_>>) -> Result<String, String> {
        const WANTED: &str = "write a text in quotes, a whole number, true or false, or a list of texts";
        if self.known.is_secret(variable) {
            return Err(format!(
                "is a secret, and this file holds none: write {key}-file, the path of a file that holds it"
            ));
        }
        let text = text(value.get_ref()).ok_or(WANTED)?;
        let text = cleaned(&text)?;
        if self.known.is_database(variable) && has_password(text) {
            return Err(format!(
                "has a password, and this file holds no secret: write {key}-file, the path of a file that holds it"
            ));
        }
        Ok(text.to_owned())
    }
}

fn refused(place: &str, problem: &str) -> ConfigError {
    ConfigError::setting(place, problem)
}

/// Returns the key, or a mark in place of one that may be a misplaced value.
fn shown(key: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if key.len() <= MAX_SHOWN_KEY && key.bytes().all(is_plain) { key } else { "(a key)" }
}

/// Returns the text that a variable would have for this value.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(i64::from_str_radix(number.as_str(), number.radix()).ok()?.to_string()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Array(items) => list(items),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// Returns the items, separated by commas.
fn list(items: &DeArray<'_>) -> Option<String> {
    let texts = items.iter().map(|item| match item.get_ref() {
        DeValue::String(text) if !text.contains(',') => Some(text.to_string()),
        _ => None,
    });
    texts.collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
}

/// Returns true if a database URL has a password.
fn has_password(url: &str) -> bool {
    let user = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command, ValueHint};

    use super::super::Secret;
    use super::*;

    fn known() -> KnownNames {
        let url = Arg::new("url").env("AUTH_DATABASE_URL").value_hint(ValueHint::Url);
        let command =
            Command::new("prog").args(["AUTH_ACCESS_TTL", "AUTH_AUDIENCE"].map(|name| Arg::new(name).env(name)));
        KnownNames::new(&command.arg(url), &[Secret { name: "JWT_SECRET_KEY", help: &[] }])
    }

    fn read(text: &str) -> Result<ConfigFile, String> {
        Reader { name: "a.toml", text, known: &known() }.read().map_err(|error| error.to_string())
    }

    #[test]
    fn values_have_the_text_of_their_variables() {
        let file = read(
            "[blog]\ncanary = 1\n\n[auth]\naccess-ttl = 15\naudience = ['a', \"b\"]\njwt-secret-key-file = 'k'\n\
             database-url = 'postgres://u@h:5/d'",
        );
        let file = file.unwrap();
        let value = |name| file.get(name).map(|setting| setting.value.as_str());
        assert_eq!((value("AUTH_ACCESS_TTL"), value("AUTH_AUDIENCE")), (Some("15"), Some("a,b")));
        assert_eq!((value("JWT_SECRET_KEY_FILE"), value("JWT_SECRET_KEY")), (Some("k"), None));
        assert_eq!(file.get("AUTH_DATABASE_URL").unwrap().place, "a.toml:8: [auth] database-url");
        assert!(read("[auth]\naccess-ttl = ''").unwrap().get("AUTH_ACCESS_TTL").is_none(), "empty means unset");
    }

    #[test]
    fn faults_name_file_line_and_key() {
        for (text, wanted) in [
            ("[auth]\nacces-ttl = 'canary'", "a.toml:2: [auth] acces-ttl: is not a setting, but access-ttl is"),
            ("[auth]\naccess_ttl = 'canary'", "a.toml:2: [auth] access_ttl: is not a setting, but access-ttl is"),
            ("[auth]\ncanary-color = 1", "a.toml:2: [auth] canary-color: is not a setting: remove it"),
            ("[atuh]\na = 'canary'", "a.toml:1: [atuh]: is not a table of settings: write [auth]"),
            ("\naccess-ttl = 'canary'", "a.toml:2: access-ttl: is in no table: write it below [auth]"),
            ("[auth]\naccess-ttl = 1.5", "a.toml:2: [auth] access-ttl: write a text in quotes"),
            ("[auth]\naudience = ['canary,b']", "a.toml:2: [auth] audience: write a text in quotes"),
            ("[auth]\naccess-ttl = ' canary'", "a.toml:2: [auth] access-ttl: has a blank"),
            ("[auth]\njwt-secret-key = 'canary'", "a.toml:2: [auth] jwt-secret-key: is a secret"),
            ("[auth]\ndatabase-url = 'postgres://u:canary@h/d'", "a.toml:2: [auth] database-url: has a password"),
            ("[auth]\naccess-ttl = canary", "a.toml:2: is not TOML: "),
            ("[auth]\n'pass word' = 1", "a.toml:2: [auth] (a key): is not a setting"),
            ("[auth]\naccess-ttl = 'canary'\naccess-ttl = 'canary'", "a.toml:3: is not TOML: "),
        ] {
            let why = read(text).map(drop).unwrap_err();
            assert!(why.starts_with(wanted), "{text}: {why}");
            assert!(!why.replace("canary-color", "").contains("canary"), "{why}");
        }
    }
}
