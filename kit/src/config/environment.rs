//! Environment of the process as an argument. All secrets come through it, from variables or files.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use clap::Arg;
use gatepost::Token;
use secrecy::{ExposeSecret as _, SecretString};

use super::ConfigError;
use super::config_file::{ConfigFile, FileSetting};
use super::pattern::is_patterned;
use super::source::SettingSource;
use super::text::cleaned;

/// Environment of the process, as `main` reads it. It takes precedence over the settings of a file. An empty value
/// means unset.
#[derive(Clone, Copy)]
pub struct Environment {
    read: fn(&str) -> Option<OsString>,
    names: fn() -> Vec<OsString>,
    file: Option<&'static ConfigFile>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").field("file", &self.file.map(|file| &file.path)).finish_non_exhaustive()
    }
}

impl Environment {
    /// Reads variables with this function.
    pub fn new(read: fn(&str) -> Option<OsString>) -> Self {
        Self { read, names: Vec::new, file: None }
    }

    /// Lists the variables' names with this function; without it no variable counts as unknown.
    #[must_use]
    pub fn listed_by(self, names: fn() -> Vec<OsString>) -> Self {
        Self { names, ..self }
    }

    /// Adds the settings of this file; the environment takes precedence. They stay in memory until the process ends.
    pub(super) fn above(self, file: ConfigFile) -> Self {
        Self { file: Some(Box::leak(Box::new(file))), ..self }
    }

    /// Returns the path of the configuration file, if there is one.
    pub(crate) fn config_path(self) -> Option<&'static Path> {
        self.file.map(|file| Path::new(&file.path))
    }

    /// Returns an environment without settings: each variable is empty, also for clap.
    pub fn unset() -> Self {
        Self::new(|_| Some(OsString::new()))
    }

    /// Returns the text of a variable.
    ///
    /// # Errors
    /// Fails if it is not UTF-8.
    pub fn text(self, name: &str) -> Result<Option<String>, ConfigError> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => value.into_string().map(Some).map_err(|_| ConfigError::setting(name, "is not UTF-8")),
        }
    }

    /// Returns the text of a variable without one newline at its end.
    ///
    /// # Errors
    /// Fails if it is not UTF-8, or holds characters that cannot be seen.
    pub fn cleaned(self, name: &str) -> Result<Option<String>, ConfigError> {
        let clean = |text: String| match cleaned(&text) {
            Ok(clean) => Ok(clean.to_owned()),
            Err(problem) => Err(ConfigError::setting(name, problem)),
        };
        self.text(name)?.map(clean).transpose().map(|text| text.filter(|text| !text.is_empty()))
    }

    /// Returns a secret from the variable, or from the file that `NAME_FILE` names, without one newline at its end.
    ///
    /// # Errors
    /// Fails if both are set, the file cannot be read, or the secret holds characters that cannot be seen.
    pub fn secret(self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (self.value(name), self.cleaned(&file_name)?) {
            (Some(_), Some(_)) => Err(ConfigError::setting(name, format!("set either this or {file_name}, not both"))),
            (Some(_), None) => match self.cleaned(name)? {
                Some(text) => Ok(Some(text.into())),
                None => Err(ConfigError::setting(name, "holds a line break and nothing else: set it, or unset it")),
            },
            (None, Some(path)) => secret_file(&file_name, Path::new(&path)).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Returns the service key from the variable `name` or a file, as [`secret`](Self::secret) does.
    ///
    /// # Errors
    /// Fails if the key is too short, cannot be sent, or is a pattern.
    pub fn service_key(self, name: &str) -> Result<Option<Token>, ConfigError> {
        self.secret(name)?.map(|secret| parse_service_key(name, secret.expose_secret())).transpose()
    }

    /// Returns the value of the variable, or else of the file's setting, unless it is empty.
    pub(super) fn value(self, name: &str) -> Option<OsString> {
        self.variable(name).or_else(|| self.file_setting(name).map(|setting| setting.value.clone().into()))
    }

    /// Returns the file's setting of this name, unless the environment has the setting, as a value or as a file.
    pub(super) fn file_setting(self, name: &str) -> Option<&'static FileSetting> {
        let file = self.file?;
        let other = name.strip_suffix("_FILE").map_or_else(|| format!("{name}_FILE"), str::to_owned);
        let is_covered = self.variable(name).is_some() || self.variable(&other).is_some();
        file.get(name).filter(|_| !is_covered)
    }

    /// Returns the source of the setting: its variable, the variable of its file, or the configuration file.
    pub(super) fn source(self, name: &str) -> SettingSource {
        let names = [name.to_owned(), format!("{name}_FILE")];
        if let Some(name) = names.iter().find(|name| self.variable(name).is_some()) {
            return SettingSource::Environment(name.clone());
        }
        let set = names.iter().find_map(|name| self.file_setting(name));
        set.map_or(SettingSource::Default, |setting| SettingSource::File(setting.line.clone()))
    }

    fn variable(self, name: &str) -> Option<OsString> {
        (self.read)(name).filter(|value| !value.is_empty())
    }

    /// Returns true if the flag's variable is set to an empty value.
    pub(super) fn is_empty(self, arg: &Arg) -> bool {
        arg.get_env()
            .and_then(|name| name.to_str())
            .and_then(|name| (self.read)(name))
            .is_some_and(|value| value.is_empty())
    }

    /// Returns the names of all variables with a value.
    pub(super) fn names(self) -> Vec<String> {
        let names = (self.names)().into_iter().filter_map(|name| name.into_string().ok());
        names.filter(|name| self.variable(name).is_some()).collect()
    }
}

/// Reads a secret from a file by the rules for all secrets. Messages show the setting's `name`.
///
/// # Errors
/// Fails if the file cannot be read, is empty, or holds characters that cannot be seen.
pub fn secret_file(name: &str, path: &Path) -> Result<SecretString, ConfigError> {
    let bytes = std::fs::read(path)
        .map_err(|error| ConfigError::setting(name, format!("the file cannot be read ({})", error.kind())))?;
    secret_bytes(name, "the file", bytes)
}

/// Reads a secret from bytes by the rules for all secrets. Messages show `from` as the origin of the bytes.
///
/// # Errors
/// Fails as [`secret_file`] does.
pub fn secret_bytes(name: &str, from: &str, bytes: Vec<u8>) -> Result<SecretString, ConfigError> {
    let refused = |problem: &str| ConfigError::setting(name, format!("{from} {problem}"));
    let text =
        String::from_utf8(bytes).map_err(|_| refused("is not UTF-8: save it as UTF-8, without a byte order mark"))?;
    match cleaned(&text).map_err(refused)? {
        "" => Err(refused("is empty: write the secret into it")),
        clean => Ok(clean.to_owned().into()),
    }
}

/// Returns the text of the variable `name` as a service key.
///
/// # Errors
/// Fails if the key is too short, cannot be sent, is a pattern, or holds a comma, which separates several keys.
pub fn parse_service_key(name: &str, text: &str) -> Result<Token, ConfigError> {
    let key = Token::parse(text).ok().filter(|_| text.len() >= 32);
    let Some(key) = key else {
        return Err(ConfigError::setting(name, "must have at least 32 bytes, all of them visible ASCII"));
    };
    if text.contains(',') {
        return Err(ConfigError::setting(name, "must be one key: a comma separates the keys of AUTH_SERVICE_KEY"));
    }
    if is_patterned(text) {
        return Err(ConfigError::setting(name, "is a pattern: make a new one with `openssl rand -hex 32`"));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    const SECRET: &str = "thicket marimba\u{e9}";

    fn held(text: &'static str) -> Result<String, String> {
        let secret = secret_bytes("A_SECRET", "the file", text.into());
        secret.map(|secret| secret.expose_secret().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn secret_loses_one_newline() {
        for text in [SECRET.to_owned(), format!("{SECRET}\n"), format!("{SECRET}\r\n")] {
            assert_eq!(held(text.leak()).unwrap(), SECRET);
        }
    }

    #[test]
    fn secret_with_hidden_characters_is_refused() {
        for (text, part) in [
            ("canary\n\n", "control character"),
            ("canary\r", "control character"),
            ("canary\r\r\n", "control character"),
            ("can\nary", "control character"),
            ("can\0ary", "control character"),
            ("canary\u{85}", "control character"),
            ("\u{feff}canary", "byte order mark"),
            ("canary\u{feff}", "byte order mark"),
            (" canary", "blank"),
            ("canary \n", "blank"),
            ("\u{a0}canary", "blank"),
            ("canary\u{200b}", "blank"),
            ("", "is empty"),
            ("\n", "is empty"),
        ] {
            let why = held(text).unwrap_err();
            assert!(why.starts_with("A_SECRET: the file ") && why.contains(part), "{text:?}: {why}");
            assert!(!why.contains("canary"), "{why}");
        }
        // Windows PowerShell writes UTF-16 by default.
        let wide: Vec<u8> = "\u{feff}canary".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(secret_bytes("A_SECRET", "the file", wide).unwrap_err().to_string().contains("is not UTF-8"));
    }

    #[test]
    fn variable_and_file_have_the_same_rules() {
        let plain = Environment::new(|name| (name == "A").then(|| format!("{SECRET}\r\n").into()));
        assert_eq!(plain.secret("A").unwrap().unwrap().expose_secret(), SECRET);
        let bad = Environment::new(|name| (name == "A").then(|| "canary\n\n".into()));
        assert!(bad.secret("A").unwrap_err().to_string().starts_with("A: has a control character"));
        let blank = Environment::new(|name| (name == "A").then(|| "\n".into()));
        assert!(blank.secret("A").unwrap_err().to_string().contains("a line break and nothing else"));
        let both = Environment::new(|_| Some("canary".into()));
        assert!(both.secret("A").unwrap_err().to_string().contains("either this or A_FILE"));
        let absent = Environment::new(|name| (name == "A_FILE").then(|| "/absent/canary\n".into()));
        assert!(absent.secret("A").unwrap_err().to_string().starts_with("A_FILE: the file cannot be read"));
        let wild = Environment::new(|name| (name == "A").then(|| OsStr::from_bytes(b"\xff").to_owned()));
        assert!(wild.secret("A").unwrap_err().to_string().contains("A: is not UTF-8"));
    }

    #[test]
    fn service_key_with_a_pattern_is_refused() {
        let key = Environment::new(|name| (name == "A").then(|| "0123456789abcdef0123456789abcdef".into()));
        assert!(key.service_key("A").map(|_| ()).unwrap_err().to_string().contains("is a pattern"));
        let key = Environment::new(|name| (name == "A").then(|| "thicket-marimba-oblong-quince-42-umbel\n".into()));
        assert!(key.service_key("A").unwrap().is_some());
    }
}
