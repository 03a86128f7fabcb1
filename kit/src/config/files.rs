//! Settings that hold a password without being secrets: a database's URL. Such a setting may be read from a file, too.

use std::any::TypeId;
use std::path::Path;

use clap::Arg;
use secrecy::SecretString;

use super::{ConfigError, Environment, secret_file};
use crate::db::DatabaseUrl;

/// Returns the variable that names the file of this setting, `NAME_FILE`, if the setting is a database's URL.
pub(super) fn variable(arg: &Arg) -> Option<String> {
    let name = arg.get_env()?.to_str()?;
    let is_url = arg.get_value_parser().type_id() == TypeId::of::<DatabaseUrl>();
    is_url.then(|| format!("{name}_FILE"))
}

/// Reads the files, and keeps the first fault.
#[derive(Default)]
pub(super) struct Files {
    fault: Option<ConfigError>,
    read: Vec<FromFile>,
}

/// A flag whose value is of a file.
pub(super) struct FromFile {
    /// The command that has the flag: two may call two variables by one flag.
    pub(super) command: String,
    pub(super) flag: String,
    /// The variable that names the file.
    pub(super) variable: String,
}

impl Files {
    /// Returns what the file of this command's setting holds, if there is one.
    pub(super) fn text(&mut self, environment: Environment, command: &str, arg: &Arg) -> Option<SecretString> {
        match read(environment, arg) {
            Ok(text) => {
                let flag = text.as_ref().and_then(|_| arg.get_long()).zip(variable(arg));
                self.read.extend(flag.map(|(flag, variable)| FromFile {
                    command: command.to_owned(),
                    flag: format!("--{flag}"),
                    variable,
                }));
                text
            }
            Err(fault) => {
                self.fault.get_or_insert(fault);
                None
            }
        }
    }

    /// Returns the flags whose values are of files.
    ///
    /// # Errors
    /// The first fault.
    pub(super) fn check(self) -> Result<Vec<FromFile>, ConfigError> {
        self.fault.map_or(Ok(self.read), Err)
    }
}

fn read(environment: Environment, arg: &Arg) -> Result<Option<SecretString>, ConfigError> {
    let Some(name) = variable(arg) else { return Ok(None) };
    let Some(path) = environment.cleaned(&name)? else { return Ok(None) };
    let plain = name.trim_end_matches("_FILE");
    if environment.value(plain).is_some() {
        return Err(ConfigError::setting(plain, format!("set either this or {name}, not both")));
    }
    secret_file(&name, Path::new(&path)).map(Some)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::sync::OnceLock;

    use clap::Parser;

    use super::*;
    use crate::config::parse;

    #[derive(Debug, Parser)]
    #[command(name = "prog")]
    struct Flags {
        #[arg(long, env = "KIT_TEST_URL", default_value = "sqlite:a")]
        url: DatabaseUrl,
        #[arg(long, env = "KIT_TEST_NAME", default_value = "b")]
        name: String,
    }

    /// A file with a URL, and a newline at its end.
    fn file() -> &'static str {
        static FILE: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
        let (_, path) = FILE.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("url");
            std::fs::write(&path, "postgres://u:canary@h/filed\n").unwrap();
            let path = path.to_str().unwrap().to_owned();
            (folder, path)
        });
        path
    }

    fn read(args: &[&str], variable: fn(&str) -> Option<OsString>) -> Result<String, String> {
        let args = [&["prog"], args].concat().into_iter().map(OsString::from);
        let flags: Result<Flags, _> = parse(args, Environment::new(variable), &[]);
        flags.map(|flags| format!("{} {}", flags.url, flags.name)).map_err(|error| error.to_string())
    }

    #[test]
    fn url_is_read_from_its_file() {
        let filed = |name: &str| match name {
            "KIT_TEST_URL_FILE" => Some(file().into()),
            "KIT_TEST_NAME_FILE" => Some("/absent".into()),
            _ => None,
        };
        assert_eq!(read(&[], filed).unwrap(), "the PostgreSQL database filed at h:5432 b");
        assert_eq!(read(&["--url", "sqlite:c"], filed).unwrap(), "c b", "a flag comes first");
        assert!(!read(&["--help"], filed).unwrap_err().contains("canary"));
    }

    #[test]
    fn url_twice_or_without_its_file_is_refused() {
        let both = |name: &str| match name {
            "KIT_TEST_URL_FILE" => Some(file().into()),
            "KIT_TEST_URL" => Some("sqlite:a".into()),
            _ => None,
        };
        assert_eq!(read(&[], both).unwrap_err(), "KIT_TEST_URL: set either this or KIT_TEST_URL_FILE, not both");
        let absent = |name: &str| (name == "KIT_TEST_URL_FILE").then(|| "/absent".into());
        assert!(read(&[], absent).unwrap_err().starts_with("KIT_TEST_URL_FILE: the file cannot be read"));
    }
}
