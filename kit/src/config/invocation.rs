//! Arguments and environment of a program, with the settings of its configuration file.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, Command, ValueHint};

use super::config_reader::read_file;
use super::{CONFIG_VARIABLE, ConfigError, Environment, KnownNames};

/// Flag that names the configuration file.
const CONFIG_FLAG: &str = "--config";

/// Arguments of a program without `--config`, and its environment with the settings of that file.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Arguments, from the program's name on.
    pub args: Vec<OsString>,
    /// Environment, which takes precedence over the settings of the file.
    pub environment: Environment,
}

impl Invocation {
    /// Reads the file that `--config` or `GATEPOST_CONFIG` names, if there is one.
    ///
    /// # Errors
    /// Names the file, the line and the key.
    pub fn read(
        args: impl IntoIterator<Item = OsString>,
        environment: Environment,
        known: &KnownNames,
    ) -> Result<Self, ConfigError> {
        let mut args: Vec<_> = args.into_iter().collect();
        let path = match take_flag(&mut args) {
            Some(path) => Some(path),
            None => environment.cleaned(CONFIG_VARIABLE)?.map(OsString::from),
        };
        let Some(path) = path.filter(|path| !path.is_empty()) else { return Ok(Self { args, environment }) };
        let file = read_file(Path::new(&path), known)?;
        Ok(Self { args, environment: environment.above(file) })
    }

    /// Names the file, the line and the key in the error of a setting that the file has set.
    #[must_use]
    pub fn locate(&self, error: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
        match error.downcast::<ConfigError>() {
            Ok(error) => self.located(*error).into(),
            Err(error) => error,
        }
    }

    /// Names the file, the line and the key in an error of the settings.
    #[must_use]
    pub fn located(&self, error: ConfigError) -> ConfigError {
        match error {
            ConfigError::Setting { name, problem } => {
                ConfigError::Setting { name: self.place(&name).unwrap_or(name), problem }
            }
            error => error,
        }
    }

    /// Returns the place in the file of the first setting that `name` names, unless a flag has set it.
    fn place(&self, name: &str) -> Option<String> {
        let words = name.split(|char: char| !char.is_ascii_uppercase() && char != '_');
        let set = words.filter(|word| word.contains('_')).find_map(|word| {
            let file = || self.environment.file_setting(&format!("{word}_FILE"));
            self.environment.file_setting(word).or_else(file)
        })?;
        let named = name.split(' ').next().filter(|word| word.starts_with("--"));
        let is_flag = [Some(set.flag.as_str()), named].into_iter().flatten().any(|flag| self.has_flag(flag));
        (!is_flag).then(|| set.place.clone())
    }

    fn has_flag(&self, flag: &str) -> bool {
        self.args.iter().filter_map(|arg| arg.to_str()).any(|arg| arg.split('=').next() == Some(flag))
    }
}

/// Returns the flag of the file, for the help. [`Invocation::read`] takes it from the arguments before clap sees it.
pub(super) fn add_flag(command: Command) -> Command {
    let flag = Arg::new("config_file").long("config").env(CONFIG_VARIABLE).value_name("FILE").global(true);
    let flag = flag.hide_env_values(true).value_hint(ValueHint::FilePath).help(
        "TOML file of settings: tables [auth], [blog] and [gatepost] with the names of the flags. The environment and \
         flags come first",
    );
    command.arg(flag)
}

/// Removes the flag and its value from the arguments. Leaves a flag without a value, which clap refuses.
fn take_flag(args: &mut Vec<OsString>) -> Option<OsString> {
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let at = args.iter().take(end).position(|arg| flag_value(arg).is_some())?;
    match flag_value(&args[at])? {
        FlagValue::Inline(value) => {
            args.remove(at);
            Some(value)
        }
        FlagValue::Next if at + 1 < end => {
            args.remove(at);
            Some(args.remove(at))
        }
        FlagValue::Next => None,
    }
}

enum FlagValue {
    Inline(OsString),
    Next,
}

fn flag_value(arg: &OsStr) -> Option<FlagValue> {
    let rest = arg.as_encoded_bytes().strip_prefix(CONFIG_FLAG.as_bytes())?;
    match rest.split_first() {
        None => Some(FlagValue::Next),
        Some((b'=', value)) => {
            use std::os::unix::ffi::OsStrExt as _;
            Some(FlagValue::Inline(OsStr::from_bytes(value).to_owned()))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_is_taken_at_any_place() {
        for (given, rest, path) in [
            ("prog --config a auth", "prog auth", Some("a")),
            ("prog auth --config=a --listen b", "prog auth --listen b", Some("a")),
            ("prog auth", "prog auth", None),
            ("prog auth --config", "prog auth --config", None),
            ("prog --configs a", "prog --configs a", None),
            ("prog keys retire -- --config a", "prog keys retire -- --config a", None),
        ] {
            let mut args: Vec<OsString> = given.split(' ').map(Into::into).collect();
            let found = take_flag(&mut args);
            assert_eq!(found.as_deref(), path.map(OsStr::new), "{given}");
            assert_eq!(args.join(OsStr::new(" ")), *rest, "{given}");
        }
    }
}
