//! Settings that hold a password without being secrets: a database's URL. Such a setting has [`ValueHint::Url`] and may be
//! read from a file, too.

use std::path::Path;

use clap::{Arg, ValueHint};
use secrecy::SecretString;

use super::{ConfigError, Environment, secret_file};

/// Returns the variable that names the file of this setting, `NAME_FILE`, if the setting is a database's URL.
pub(super) fn variable(arg: &Arg) -> Option<String> {
    let name = arg.get_env()?.to_str()?;
    (arg.get_value_hint() == ValueHint::Url).then(|| format!("{name}_FILE"))
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
