//! Flags, with the environment for absent ones. Messages of clap must show no value.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};
use secrecy::ExposeSecret as _;

use super::effective::{EffectiveSetting, ShowUrl};
use super::files::{Files, FromFile};
use super::invocation::add_flag;
use super::text::cleaned;
use super::{ConfigError, Environment};

/// Longest word that is shown as an unknown command, in bytes.
const MAX_SHOWN_WORD: usize = 24;

/// Parses flags, and the environment for absent ones. Ignores the variables in `ignored`.
///
/// # Errors
/// [`ConfigError`], which names the setting and not its value.
pub fn parse<C: CommandFactory + FromArgMatches>(
    args: impl IntoIterator<Item = OsString>,
    environment: Environment,
    ignored: &[&str],
) -> Result<C, ConfigError> {
    // No setting is shown.
    parse_with_settings(args, environment, ignored, |_| String::new()).map(|parsed: Parsed<C>| parsed.command)
}

/// Command line of a program, and its settings in effect.
#[derive(Clone, Debug)]
pub struct Parsed<C> {
    /// Command line.
    pub command: C,
    /// Settings of the command and its chosen subcommands that have a variable, without secrets.
    pub settings: Vec<EffectiveSetting>,
}

/// Returns the command of a program, with the flag of the configuration file.
pub fn program<C: CommandFactory>() -> Command {
    add_flag(C::command())
}

/// Parses like [`parse`], and lists the settings in effect. `show` returns a database URL without its secrets.
///
/// # Errors
/// [`ConfigError`], which names the setting and not its value.
pub fn parse_with_settings<C: CommandFactory + FromArgMatches>(
    args: impl IntoIterator<Item = OsString>,
    environment: Environment,
    ignored: &[&str],
    show: ShowUrl,
) -> Result<Parsed<C>, ConfigError> {
    let mut files = Files::default();
    let mut command = prepared(program::<C>(), environment, ignored, &mut files);
    let of_files = files.check()?;
    let args: Vec<OsString> = args.into_iter().collect();
    // A new command: the prepared one lacks the variables of flags whose value comes from elsewhere.
    let named = program::<C>();
    let path = chosen(&named, &args);
    // Two subcommands may use the same flag for different variables: the innermost one counts.
    let known = path.iter().rev().flat_map(|chosen| names(chosen));
    let is_chosen = |file: &FromFile| path.iter().any(|command| command.get_name() == file.command);
    let of_files =
        of_files.into_iter().filter(is_chosen).map(|file| NamedFlag { flag: file.flag, variable: file.variable });
    let known: Vec<_> = of_files.chain(known).collect();
    let help = Help::for_path(&path);
    let matches = command.try_get_matches_from_mut(args).map_err(|error| nameless(error, &known, &help))?;
    check_values(&command, &matches, environment)?;
    let settings = EffectiveSetting::collect(&C::command(), &matches, environment, ignored, show);
    let command = C::from_arg_matches(&matches).map_err(|error| nameless(error, &known, &help))?;
    Ok(Parsed { command, settings })
}

/// Prepares each flag: removes empty and ignored variables, trims one newline of a value, and takes values of the
/// configuration file. Reads a database URL from its file.
fn prepared(command: Command, environment: Environment, ignored: &[&str], files: &mut Files) -> Command {
    let name = command.get_name().to_owned();
    let prepare = |arg: Arg| {
        let is_ignored = arg.get_env().is_some_and(|name| ignored.iter().any(|ignored| name == *ignored));
        if !is_ignored && let Some(text) = files.text(environment, &name, &arg) {
            return with_value(arg, text.expose_secret());
        }
        let from_file = || environment.file_setting(arg.get_env()?.to_str()?);
        if !is_ignored && let Some(setting) = from_file() {
            return with_value(arg, &setting.value);
        }
        if is_ignored || environment.is_empty(&arg) {
            return arg.env(None::<&'static str>);
        }
        let value = arg.get_env().and_then(|name| environment.value(name.to_str()?)?.into_string().ok());
        match value.as_deref().map(|value| (cleaned(value), value)) {
            Some((Ok(clean), value)) if clean.len() < value.len() => with_value(arg, clean),
            _ => arg,
        }
    };
    command.mut_args(prepare).mut_subcommands(|sub| prepared(sub, environment, ignored, files))
}

/// Replaces the variable of a flag by this value. An empty value leaves the flag's default.
fn with_value(arg: Arg, value: &str) -> Arg {
    let arg = arg.env(None::<&'static str>);
    if value.is_empty() { arg } else { arg.default_value(value.to_owned()).hide_default_value(true).required(false) }
}

/// Refuses values of the environment that have invisible characters.
fn check_values(command: &Command, matches: &ArgMatches, environment: Environment) -> Result<(), ConfigError> {
    for arg in command.get_arguments().filter(|arg| arg.get_env().is_some()) {
        if matches.value_source(arg.get_id().as_str()) != Some(ValueSource::EnvVariable) {
            continue;
        }
        let Some(name) = arg.get_env().and_then(|name| name.to_str()) else { continue };
        // A path need not be UTF-8.
        let Some(Ok(value)) = environment.value(name).map(OsString::into_string) else { continue };
        if let Err(problem) = cleaned(&value) {
            let flag = arg.get_long().map_or_else(|| name.to_owned(), |flag| format!("--{flag} ({name})"));
            return Err(ConfigError::setting(flag, problem));
        }
    }
    match matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches))) {
        Some((command, matches)) => check_values(command, matches, environment),
        None => Ok(()),
    }
}

/// Returns the command and the subcommands in the arguments, from the outermost on.
fn chosen<'c>(command: &'c Command, args: &[OsString]) -> Vec<&'c Command> {
    let mut path = vec![command];
    for arg in args.iter().skip(1) {
        path.extend(path.last().and_then(|last| last.find_subcommand(arg)));
    }
    path
}

/// Lists each flag of the command with its variable.
fn names(command: &Command) -> impl Iterator<Item = NamedFlag> {
    command.get_arguments().filter_map(|arg| {
        let (flag, variable) = (arg.get_long()?, arg.get_env()?.to_str()?);
        Some(NamedFlag { flag: format!("--{flag}"), variable: variable.to_owned() })
    })
}

/// A flag, and the variable that stands in its place.
struct NamedFlag {
    flag: String,
    variable: String,
}

/// Command line that prints the help for the given command.
struct Help {
    line: String,
    /// True if a subcommand may follow; an unknown word is then a mistyped command, not a secret.
    has_commands: bool,
}

impl Help {
    fn for_path(path: &[&Command]) -> Self {
        let words: Vec<_> = path.iter().map(|command| command.get_name()).collect();
        let has_commands = path.last().is_some_and(|last| last.has_subcommands());
        Self { line: format!("run \"{} --help\"", words.join(" ")), has_commands }
    }

    /// Returns the error for an unknown word.
    fn about(&self, word: Option<&str>) -> ConfigError {
        let line = &self.line;
        ConfigError::Unknown(match word.filter(|word| self.has_commands && is_command_like(word)) {
            Some(word) => format!("unknown command \"{word}\"; {line}"),
            None => format!("unknown argument; {line}"),
        })
    }
}

/// Returns true for a word that has the form of a command and can be shown.
fn is_command_like(word: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    word.len() <= MAX_SHOWN_WORD
        && word.starts_with(|char: char| char.is_ascii_lowercase())
        && word.bytes().all(is_word)
}

/// Replaces clap's message with the setting's name and rule, because clap shows the value, which may be a secret.
fn nameless(error: clap::Error, known: &[NamedFlag], help: &Help) -> ConfigError {
    match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand if !is_about_a_flag(&error) => {
            return help
                .about(context(&error, ContextKind::InvalidSubcommand).or(context(&error, ContextKind::InvalidArg)));
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::NoEquals | ErrorKind::TooManyValues => {}
        _ => return ConfigError::Usage(error),
    }
    let arg = context(&error, ContextKind::InvalidArg);
    let arg = arg.and_then(|arg| arg.split([' ', '=', '[']).next()).unwrap_or_default().to_owned();
    let variable = known.iter().find(|known| known.flag == arg).map(|known| format!(" ({})", known.variable));
    let problem = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(cause), _) => cause.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => format!("write one of {}", valid.join(", ")),
        (None, _) => "its value is absent or invalid".to_owned(),
    };
    ConfigError::setting(format!("{arg}{}", variable.unwrap_or_default()), problem)
}

/// Returns a text from the context of clap's error.
fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

/// Returns true if the unknown argument looks like a flag, and not like a value in the wrong place.
fn is_about_a_flag(error: &clap::Error) -> bool {
    let name = context(error, ContextKind::InvalidArg).and_then(|arg| arg.strip_prefix('-'));
    name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
}

#[cfg(test)]
mod tests {
    use clap::{Parser, Subcommand};

    use super::*;
    use crate::config::boolean;

    #[derive(Debug, Parser)]
    #[command(name = "prog")]
    struct TestFlags {
        #[arg(long, env = "KIT_TEST_URL", default_value = "sqlite:a", hide_env_values = true)]
        url: String,
        #[arg(long, env = "KIT_TEST_SWITCH", num_args = 0..=1, require_equals = true, default_value = "false",
              default_missing_value = "true", value_parser = boolean)]
        switch: bool,
        #[command(subcommand)]
        command: Option<TestCommand>,
    }

    #[derive(Debug, Subcommand)]
    enum TestCommand {
        /// Takes a value.
        Take {
            #[arg(long, env = "KIT_TEST_INNER")]
            from: String,
        },
    }

    fn read(args: &[&str], environment: Environment) -> Result<TestFlags, String> {
        let args = [&["prog"], args].concat().into_iter().map(OsString::from);
        parse(args, environment, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn environment_value_loses_one_newline() {
        let environment = Environment::new(|name| match name {
            "KIT_TEST_URL" => Some("postgres://canary@h/d\n".into()),
            "KIT_TEST_SWITCH" => Some("true\r\n".into()),
            "KIT_TEST_INNER" => Some("given\n".into()),
            _ => None,
        });
        let flags = read(&[], environment).unwrap();
        assert_eq!((flags.url.as_str(), flags.switch), ("postgres://canary@h/d", true));
        assert_eq!(read(&["--url", "b"], environment).unwrap().url, "b", "a flag comes first");
        let Some(TestCommand::Take { from }) = read(&["take"], environment).unwrap().command else { panic!() };
        assert_eq!(from, "given");
        assert!(!read(&["--help"], environment).unwrap_err().contains("canary"));
        let blank = Environment::new(|name| (name == "KIT_TEST_URL").then(|| "\n".into()));
        assert_eq!(read(&[], blank).unwrap().url, "sqlite:a");
    }

    #[test]
    fn unknown_command_is_shown_and_other_words_are_not() {
        let none = Environment::new(|_| None);
        for (args, said) in [
            (&["frob"][..], "unknown command \"frob\"; run \"prog --help\""),
            (&["tkae"], "unknown command \"tkae\"; run \"prog --help\""),
            (&["Canary!7"], "unknown argument; run \"prog --help\""),
            (&["a-word-that-is-far-too-long-to-be-shown"], "unknown argument; run \"prog --help\""),
            (&["take", "canary"], "unknown argument; run \"prog take --help\""),
        ] {
            assert_eq!(read(args, none).unwrap_err(), said, "{args:?}");
        }
    }
}
