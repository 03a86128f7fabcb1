//! Unknown variables. A name close to a setting's name is a typo, so the start is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::Command;

use super::file_key::FileKey;
use super::{CONFIG_VARIABLE, ConfigError, Environment, files};

/// Number of characters of a key for each typo that a suggestion tolerates.
const MIN_LIKENESS: usize = 3;

/// Secret that is read only from the environment, described for the help and for the list of known variables.
#[derive(Clone, Copy, Debug)]
pub struct Secret {
    /// Name of the variable. With the suffix `_FILE` it names a file that holds the secret.
    pub name: &'static str,
    /// Text for the help, one element per line.
    pub help: &'static [&'static str],
}

/// Returns the help text of these secrets: their names with their descriptions.
pub fn secrets_help(secrets: &[Secret]) -> String {
    let mut text = String::new();
    for secret in secrets {
        for (number, line) in secret.help.iter().enumerate() {
            let _ = writeln!(text, "  {:<21}{line}", if number == 0 { secret.name } else { "" });
        }
    }
    text
}

/// Variables that a program reads.
pub struct KnownNames {
    names: BTreeSet<String>,
    /// Names that have a form with `_FILE`.
    secrets: BTreeSet<&'static str>,
    /// Names of database URLs, which also have a form with `_FILE`.
    databases: BTreeSet<String>,
}

impl KnownNames {
    /// Collects the variables of the command and all its subcommands, and the secrets.
    pub fn new<'s>(command: &Command, secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let secrets: BTreeSet<_> = secrets.into_iter().map(|secret| secret.name).collect();
        let (mut names, mut files) = (BTreeSet::from([CONFIG_VARIABLE.to_owned()]), BTreeSet::new());
        collect(command, &mut names, &mut files);
        let databases = files.iter().filter_map(|name| name.strip_suffix("_FILE")).map(str::to_owned).collect();
        names.extend(files);
        for secret in &secrets {
            names.extend([(*secret).to_owned(), format!("{secret}_FILE")]);
        }
        Self { names, secrets, databases }
    }

    /// Returns the variables of a file's table by their keys. The file cannot name itself.
    pub(super) fn keys(&self, table: &str) -> BTreeMap<String, String> {
        let names = self.names.iter().filter(|name| *name != CONFIG_VARIABLE);
        let keys = names.filter_map(|name| Some((FileKey::from_variable(name)?, name)));
        keys.filter(|(key, _)| key.table == table).map(|(key, name)| (key.key, name.clone())).collect()
    }

    /// Returns true for the variable of a secret.
    pub(super) fn is_secret(&self, variable: &str) -> bool {
        self.secrets.contains(variable)
    }

    /// Returns true for the variable of a database URL.
    pub(super) fn is_database(&self, variable: &str) -> bool {
        self.databases.contains(variable)
    }

    /// Refuses a variable with a name close to a known one.
    ///
    /// # Errors
    /// Names the variable, and the known variable that it resembles.
    pub fn check(&self, environment: Environment) -> Result<(), ConfigError> {
        self.unknown(environment).map(drop)
    }

    /// Refuses a variable with a name close to a known one, and warns of other variables with a known prefix.
    ///
    /// # Errors
    /// Names the variable, and the known variable that it resembles.
    pub fn check_and_warn(&self, environment: Environment) -> Result<(), ConfigError> {
        for name in self.unknown(environment)? {
            tracing::warn!("{name} is set, but is not a setting of this program: --help lists all settings");
        }
        Ok(())
    }

    /// Returns the unknown variables that start with the first word of a known one.
    fn unknown(&self, environment: Environment) -> Result<Vec<String>, ConfigError> {
        let prefixes: BTreeSet<_> = self.names.iter().filter_map(|name| prefix(name)).collect();
        let mut unknown = Vec::new();
        for name in environment.names() {
            let upper = name.trim().to_ascii_uppercase();
            if self.names.contains(&name) || prefix(&upper).is_none_or(|prefix| !prefixes.contains(prefix)) {
                continue;
            }
            if is_service_link(&name, environment) {
                continue;
            }
            if let Some(problem) = self.meant(&upper) {
                return Err(ConfigError::setting(name, problem));
            }
            if prefix(&name).is_some_and(|prefix| prefixes.contains(prefix)) {
                unknown.push(name);
            }
        }
        unknown.sort_unstable();
        Ok(unknown)
    }

    /// Returns the problem with the name if it is close to a known one.
    fn meant(&self, name: &str) -> Option<String> {
        if let Some(plain) = name.strip_suffix("_FILE")
            && self.names.contains(plain)
            && !self.secrets.contains(plain)
        {
            return Some(format!("is not a setting: {plain} is one, but cannot be read from a file"));
        }
        let near = self.names.iter().filter(|known| is_near(name, known));
        let nearest = near.min_by_key(|known| strsim::osa_distance(name, known))?;
        Some(format!("is not a setting, but {nearest} is: rename it, or unset it"))
    }
}

/// Returns the key that is nearest to an unknown key, if one is near enough.
pub(super) fn nearest_key<'k>(key: &str, keys: impl Iterator<Item = &'k String>) -> Option<&'k String> {
    let key = key.to_ascii_lowercase().replace('_', "-");
    let apart = |known: &String| strsim::osa_distance(&key, known);
    let is_permuted = |known: &String| is_near(&key.replace('-', "_"), &known.replace('-', "_"));
    let near = keys.filter(|known| apart(known) * MIN_LIKENESS <= known.len() || is_permuted(known));
    near.min_by_key(|known| apart(known))
}

/// Collects the variables of a command and its subcommands, and the variables that name a file.
fn collect(command: &Command, names: &mut BTreeSet<String>, files: &mut BTreeSet<String>) {
    let own = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str());
    names.extend(own.map(str::to_owned));
    files.extend(command.get_arguments().filter_map(files::variable));
    for sub in command.get_subcommands() {
        collect(sub, names, files);
    }
}

/// Returns the first word of a name.
fn prefix(name: &str) -> Option<&str> {
    name.split_once('_').map(|(prefix, _)| prefix)
}

/// Returns true if the name differs from the known one by one typo (two in a long name), or only in the order of its
/// words.
fn is_near(name: &str, known: &str) -> bool {
    let words = |name: &str| {
        let mut words: Vec<_> = name.split('_').map(str::to_owned).collect();
        words.sort_unstable();
        words
    };
    let most = if known.len() >= 17 { 2 } else { 1 };
    strsim::osa_distance(name, known) <= most
        || name.replace(['_', '-'], "") == known.replace('_', "")
        || words(name) == words(known)
}

/// Returns true for a variable that Kubernetes sets in each container for a Service named `auth` or similar
/// (<https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>).
fn is_service_link(name: &str, environment: Environment) -> bool {
    let is_named = ["_SERVICE_HOST", "_SERVICE_PORT"].iter().any(|end| name.ends_with(end));
    if is_named || name.contains("_SERVICE_PORT_") || is_numbered_port(name) {
        return true;
    }
    let value = || environment.value(name).and_then(|value| value.into_string().ok()).unwrap_or_default();
    name.ends_with("_PORT") && value().split_once("://").is_some_and(|(scheme, _)| is_protocol(scheme))
}

/// Returns true for `…_PORT_50051_TCP`, also with the suffix `_ADDR`, `_PORT` or `_PROTO`.
fn is_numbered_port(name: &str) -> bool {
    name.match_indices("_PORT_").any(|(at, found)| {
        let mut words = name[at + found.len()..].split('_');
        words.next().is_some_and(|port| port.parse::<u16>().is_ok())
            && words.next().is_some_and(is_protocol)
            && words.next().is_none_or(|part| matches!(part, "ADDR" | "PORT" | "PROTO"))
            && words.next().is_none()
    })
}

fn is_protocol(word: &str) -> bool {
    ["tcp", "udp", "sctp"].iter().any(|protocol| word.eq_ignore_ascii_case(protocol))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::{Arg, Command, ValueHint};

    use super::*;

    const SECRETS: [Secret; 1] = [Secret { name: "AUTH_MASTER_KEY", help: &["Seals keys;", "32 bytes"] }];

    fn known() -> KnownNames {
        let variables = ["AUTH_REGISTRATION", "AUTH_INSECURE", "BLOG_LISTEN", "GATEPOST_DATA_DIR"];
        let url = Arg::new("url").env("AUTH_DATABASE_URL").value_hint(ValueHint::Url);
        let command = Command::new("prog").args(variables.map(|name| Arg::new(name).env(name))).arg(url);
        let sub = Command::new("keys").arg(Arg::new("lead").env("AUTH_SIGNING_KEY_LEAD"));
        KnownNames::new(&command.subcommand(sub), &SECRETS)
    }

    /// Returns the variables of this list that are unknown.
    fn unknown(list: fn() -> Vec<OsString>) -> Result<Vec<String>, String> {
        let value = |name: &str| Some(if name.ends_with("_PORT") { "tcp://10.0.0.7:50051" } else { "1" }.into());
        known().unknown(Environment::new(value).listed_by(list)).map_err(|error| error.to_string())
    }

    #[test]
    fn name_close_to_a_known_one_is_refused() {
        for (list, known) in [
            ((|| vec!["AUTH_REGISTRATON".into()]) as fn() -> Vec<OsString>, "AUTH_REGISTRATION is"),
            (|| vec!["AUTH_REGSITRATION".into()], "AUTH_REGISTRATION is"),
            (|| vec!["AUTH_INSECUR".into()], "AUTH_INSECURE is"),
            (|| vec!["auth_insecure".into()], "AUTH_INSECURE is"),
            (|| vec!["BLOG_LISTEN ".into()], "BLOG_LISTEN is"),
            (|| vec!["GATEPOST_DATADIR".into()], "GATEPOST_DATA_DIR is"),
            (|| vec!["AUTH_KEY_MASTER".into()], "AUTH_MASTER_KEY is"),
            (|| vec!["AUTH_MASTER_KEY_FIL".into()], "AUTH_MASTER_KEY_FILE is"),
            (|| vec!["AUTH_SIGNING_KEY_LEED".into()], "AUTH_SIGNING_KEY_LEAD is"),
            (|| vec!["AUTH_REGISTRATION_FILE".into()], "AUTH_REGISTRATION is one, but cannot be read from a file"),
            (|| vec!["AUTH_DATABASE_URL_FIL".into()], "AUTH_DATABASE_URL_FILE is"),
        ] {
            let why = unknown(list).unwrap_err();
            assert!(why.contains(known), "{why}");
        }
    }

    #[test]
    fn unknown_names_are_listed_without_service_links() {
        let none = || {
            let links = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_50051_TCP"];
            let more = ["PORT_50051_TCP_ADDR", "PORT_50051_TCP_PORT", "PORT_50051_TCP_PROTO", "SERVICE_SERVICE_HOST"];
            let names = links.into_iter().chain(more).map(|name| format!("AUTH_{name}").into());
            names.chain(["PATH", "AUTHORITY", "JWT_SECRET"].map(Into::into)).collect()
        };
        assert_eq!(unknown(none).unwrap(), [""; 0]);
        let known = || ["AUTH_MASTER_KEY_FILE", "AUTH_DATABASE_URL_FILE", "BLOG_LISTEN"].map(Into::into).to_vec();
        assert_eq!(unknown(known).unwrap(), [""; 0]);
        let some = || ["GATEPOST_TEST_POSTGRES", "AUTH_COLOR", "BLOG_SECURE"].map(Into::into).to_vec();
        assert_eq!(unknown(some).unwrap(), ["AUTH_COLOR", "BLOG_SECURE", "GATEPOST_TEST_POSTGRES"]);
    }

    #[test]
    fn secret_has_its_help_next_to_its_name() {
        let wanted = "  AUTH_MASTER_KEY      Seals keys;\n                       32 bytes\n";
        assert_eq!(secrets_help(&SECRETS), wanted);
    }
}
