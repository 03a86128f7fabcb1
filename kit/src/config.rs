//! Settings: flags and environment by the same names, where an empty value means unset and no message shows a value.

use std::error::Error as _;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, FromArgMatches};
use gatepost::Token;
use secrecy::{ExposeSecret as _, SecretString};

/// Why the settings cannot be used: names the setting and never its value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// What clap has to say: `--help`, `--version`, an unknown flag.
    #[error("{0}")]
    Usage(clap::Error),
    /// A setting that makes no sense.
    #[error("{name}: {problem}")]
    Setting {
        /// The flag and the environment variable.
        name: String,
        /// What is wrong and what to write.
        problem: String,
    },
}

impl ConfigError {
    /// A setting that makes no sense.
    pub fn setting(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), problem: problem.into() }
    }
}

/// The process's environment, as `main` hands it on; an empty value means unset.
#[derive(Clone, Copy)]
pub struct Environment(fn(&str) -> Option<OsString>);

impl Environment {
    /// Reads variables by this function.
    pub fn new(read: fn(&str) -> Option<OsString>) -> Self {
        Self(read)
    }

    /// An environment without settings, whatever the process's own has: each variable is empty, to clap as well.
    pub fn unset() -> Self {
        Self(|_| Some(OsString::new()))
    }

    /// A variable's text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(self, name: &str) -> Result<Option<String>, ConfigError> {
        match (self.0)(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => value.into_string().map(Some).map_err(|_| ConfigError::setting(name, "is not UTF-8")),
        }
    }

    /// A secret: the variable's text, or that of the file which `NAME_FILE` names, less its last line break.
    ///
    /// # Errors
    /// When both are set, or the file cannot be read.
    pub fn secret(self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (self.text(name)?, self.text(&file_name)?) {
            (Some(_), Some(_)) => Err(ConfigError::setting(name, format!("set either this or {file_name}, not both"))),
            (Some(text), None) => Ok(Some(text.into())),
            (None, Some(path)) => secret_file(&file_name, Path::new(&path)),
            (None, None) => Ok(None),
        }
    }

    /// The key by which services know each other, from the variable `name` or a file, as [`secret`](Self::secret).
    ///
    /// # Errors
    /// When it is too short to be one, or cannot be sent.
    pub fn service_key(self, name: &str) -> Result<Option<Token>, ConfigError> {
        let Some(secret) = self.secret(name)? else { return Ok(None) };
        let text = secret.expose_secret();
        let key = Token::parse(text).filter(|_| text.len() >= 32);
        key.map(Some)
            .ok_or_else(|| ConfigError::setting(name, "must have at least 32 bytes, all of them visible ASCII"))
    }

    fn is_empty(self, arg: &Arg) -> bool {
        arg.get_env()
            .and_then(|name| name.to_str())
            .and_then(|name| (self.0)(name))
            .is_some_and(|value| value.is_empty())
    }
}

fn secret_file(name: &str, path: &Path) -> Result<Option<SecretString>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::setting(name, format!("the file cannot be read ({})", error.kind())))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(ConfigError::setting(name, "the file is empty: write the secret into it, or unset the variable"));
    }
    Ok(Some(text.to_owned().into()))
}

/// Reads flags and, for those that are absent, the environment; the variables in `ignored` are not looked at.
///
/// # Errors
/// [`ConfigError`], which names the setting and not its value.
pub fn parse<C: CommandFactory + FromArgMatches>(
    args: impl IntoIterator<Item = OsString>,
    environment: Environment,
    ignored: &[&str],
) -> Result<C, ConfigError> {
    let command = unset(C::command(), environment, ignored);
    let args: Vec<OsString> = args.into_iter().collect();
    let chosen = args.iter().find_map(|arg| command.find_subcommand(arg));
    // Two subcommands may call two variables by one flag.
    let known: Vec<_> = names(&command).chain(chosen.into_iter().flat_map(names)).collect();
    let matches = command.try_get_matches_from(args).map_err(|error| nameless(error, &known))?;
    C::from_arg_matches(&matches).map_err(|error| nameless(error, &known))
}

/// Takes the variables that are empty or ignored from their flags.
fn unset(command: Command, environment: Environment, ignored: &[&str]) -> Command {
    let skip = |arg: &Arg| {
        environment.is_empty(arg) || arg.get_env().is_some_and(|name| ignored.iter().any(|ignored| name == *ignored))
    };
    command
        .mut_args(|arg| if skip(&arg) { arg.env(None::<&'static str>) } else { arg })
        .mut_subcommands(|sub| unset(sub, environment, ignored))
}

/// Each flag of the command with its variable.
fn names(command: &Command) -> impl Iterator<Item = (String, String)> {
    command.get_arguments().filter_map(|arg| {
        let (flag, variable) = (arg.get_long()?, arg.get_env()?.to_str()?);
        Some((format!("--{flag}"), variable.to_owned()))
    })
}

/// clap prints what it could not read, which may be a secret: the setting's name and the rule suffice.
fn nameless(error: clap::Error, known: &[(String, String)]) -> ConfigError {
    match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand if !is_about_a_flag(&error) => {
            let problem = "one of them is none that is known: --help lists those that are";
            return ConfigError::setting("the arguments", problem);
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::NoEquals | ErrorKind::TooManyValues => {}
        _ => return ConfigError::Usage(error),
    }
    let arg = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(arg)) => arg.split([' ', '=', '[']).next().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let variable = known.iter().find(|(flag, _)| *flag == arg).map(|(_, variable)| format!(" ({variable})"));
    let problem = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(cause), _) => cause.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => format!("write one of {}", valid.join(", ")),
        (None, _) => "its value is absent, or is none".to_owned(),
    };
    ConfigError::setting(format!("{arg}{}", variable.unwrap_or_default()), problem)
}

/// Whether what clap does not know looks like a flag, and not like a value in the wrong place.
fn is_about_a_flag(error: &clap::Error) -> bool {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return false };
    arg.strip_prefix('-').is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
}

/// Reads a listen address, for clap.
///
/// # Errors
/// What to write instead.
pub fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "write an address and a port, for example 127.0.0.1:50051 or [::1]:50051")
}

/// Reads a switch, for clap: a word that is neither yes nor no must not open anything.
///
/// # Errors
/// What to write instead.
pub fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("write true or false"),
    }
}

/// Reads a length of time such as `1d` or `15m`, for clap.
///
/// # Errors
/// What to write instead.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "write a length of time, for example 15m, 12h or 1d")
}

/// Plaintext may leave the machine only when the operator says so (C65).
///
/// # Errors
/// What to do about it.
pub fn check_plaintext(name: &str, loopback: bool, insecure: bool, switch: &str) -> Result<(), ConfigError> {
    const REFUSED: &str = "plaintext beyond loopback is refused: use a loopback address";
    trusted(name, loopback || insecure, REFUSED, switch)
}

/// The same of what goes to a database.
///
/// # Errors
/// What to do about it.
pub fn check_encrypted(name: &str, private: bool, insecure: bool, switch: &str) -> Result<(), ConfigError> {
    const REFUSED: &str = "plaintext to a database beyond loopback is refused: add ?sslmode=verify-full";
    trusted(name, private || insecure, REFUSED, switch)
}

fn trusted(name: &str, is_fine: bool, refused: &str, switch: &str) -> Result<(), ConfigError> {
    if is_fine {
        return Ok(());
    }
    let problem = format!("{refused}, or set {switch}=true if the network between is trusted");
    Err(ConfigError::setting(name, problem))
}

/// Binds a listen address.
///
/// # Errors
/// A sentence that says what to do.
pub async fn bind(name: &str, address: SocketAddr) -> Result<tokio::net::TcpListener, ConfigError> {
    use std::io::ErrorKind as Io;
    tokio::net::TcpListener::bind(address).await.map_err(|error| {
        let problem = match error.kind() {
            Io::AddrInUse => {
                format!("{address} is in use: stop the process that listens there, or choose another port")
            }
            Io::PermissionDenied => format!("{address} needs more rights: choose a port from 1024 up"),
            Io::AddrNotAvailable => format!("{address} is not an address of this machine: choose one that is"),
            _ => format!("{address} cannot be listened on ({})", error.kind()),
        };
        ConfigError::setting(name, problem)
    })
}
