//! Database URLs from files. Such a setting may hold a password; [`ValueHint::Url`] marks it.

use std::path::Path;

use clap::{Arg, ValueHint};
use secrecy::SecretString;

use super::{ConfigError, Environment, secret_file};

/// Returns the variable that names the file of a setting, `NAME_FILE`, if the setting is a database URL.
pub(super) fn variable(arg: &Arg) -> Option<String> {
    let name = arg.get_env()?.to_str()?;
    (arg.get_value_hint() == ValueHint::Url).then(|| format!("{name}_FILE"))
}

/// Reader of the files, which keeps the first fault.
#[derive(Default)]
pub(super) struct Files {
    fault: Option<ConfigError>,
    read: Vec<FromFile>,
}

/// Flag with a value from a file.
pub(super) struct FromFile {
    /// Command of the flag: two commands may use one flag for two variables.
    pub(super) command: String,
    pub(super) flag: String,
    /// Variable that names the file.
    pub(super) variable: String,
}

impl Files {
    /// Returns the text of the setting's file, if there is one.
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

    /// Returns the flags with values from files.
    ///
    /// # Errors
    /// Returns the first fault.
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
