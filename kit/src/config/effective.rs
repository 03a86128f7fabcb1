//! Settings as they are in effect, each with its source.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, ValueHint};

use super::environment::Environment;
use super::file_key::FileKey;
use super::names::Secret;
use super::source::SettingSource;

/// Value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// No value.
    Unset,
    /// Text of the value.
    Text(String),
    /// Secret, which is never shown.
    Secret,
}

/// Setting in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// Environment variable, which is the name of the setting.
    pub variable: String,
    /// Value.
    pub value: SettingValue,
    /// Source of the value.
    pub source: SettingSource,
}

/// Function that returns a database URL as text without its secrets.
pub type ShowUrl = fn(&str) -> String;

impl EffectiveSetting {
    /// Returns the settings of these secrets, without their values.
    pub fn from_secrets(secrets: &[Secret], environment: Environment) -> Vec<Self> {
        let secrets = secrets.iter().map(|secret| {
            let source = environment.source(secret.name);
            let value = if source == SettingSource::Default { SettingValue::Unset } else { SettingValue::Secret };
            Self { variable: secret.name.to_owned(), value, source }
        });
        secrets.collect()
    }

    /// Returns true if the setting is in this table of a configuration file.
    pub fn is_in(&self, table: &str) -> bool {
        FileKey::from_variable(&self.variable).is_some_and(|key| key.table == table)
    }

    /// Returns the settings of the command and of the subcommands that were chosen, in the order of the help.
    pub(super) fn collect(
        command: &Command,
        matches: &ArgMatches,
        environment: Environment,
        ignored: &[&str],
        show: ShowUrl,
    ) -> Vec<Self> {
        let own = command.get_arguments().filter_map(|arg| {
            let variable = arg.get_env()?.to_str()?.to_owned();
            if ignored.contains(&variable.as_str()) {
                return None;
            }
            let source = match matches.value_source(arg.get_id().as_str()) {
                Some(ValueSource::CommandLine) => SettingSource::Flag,
                _ => environment.source(&variable),
            };
            Some(Self { value: value(arg, matches, show), variable, source })
        });
        let mut all: Vec<_> = own.collect();
        let chosen = matches.subcommand().and_then(|(name, inner)| Some((command.find_subcommand(name)?, inner)));
        if let Some((command, matches)) = chosen {
            let inner = Self::collect(command, matches, environment, ignored, show);
            // A subcommand may have a flag of its parent.
            all.retain(|outer| inner.iter().all(|setting| setting.variable != outer.variable));
            all.extend(inner);
        }
        all
    }
}

/// Returns the text of an argument; several values are separated by commas.
fn value(arg: &Arg, matches: &ArgMatches, show: ShowUrl) -> SettingValue {
    let raw = matches.try_get_raw(arg.get_id().as_str()).ok().flatten();
    let Some(raw) = raw else { return SettingValue::Unset };
    let text = raw.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",");
    SettingValue::Text(if arg.get_value_hint() == ValueHint::Url { show(&text) } else { text })
}
