//! Flags of the connection: a service and its credential, or a database.

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches, ValueHint};
use kit::ServiceAddress;
use kit::cli::CommandFailure;
use kit::config::{
    ConfigError, Environment, InsecureSwitch, Secret, boolean, check_encrypted, check_plaintext, duration,
};
use kit::tls::ClientTlsFlags;

use crate::config::ClockFlags;
use crate::store::DatabaseUrl;

/// Variable with a token for scripts, in place of a stored credential. With `_FILE` it names a file.
pub(super) const TOKEN: &str = CONSOLE_SECRETS[0].name;

/// Secrets of the commands that call a service. Services do not read them.
pub const CONSOLE_SECRETS: [Secret; 1] =
    [Secret { name: "GATEPOST_TOKEN", help: &["Token or API key of the commands, in place of a stored login"] }];

const AUTH_URL: &str = "--auth-url (GATEPOST_AUTH_URL)";
const DATABASE_URL: &str = "--database-url (AUTH_DATABASE_URL)";

/// Flags of the service to call.
#[derive(Clone, Debug, Args)]
pub(super) struct ServiceArgs {
    /// Auth service to call, http://HOST:PORT or https://HOST:PORT. Unset: that of the latest login
    #[arg(id = "console_auth_url", long = "auth-url", global = true, value_name = "URL", env = "GATEPOST_AUTH_URL",
          value_parser = ServiceAddress::parse, hide_env_values = true, value_hint = ValueHint::Url)]
    auth_url: Option<ServiceAddress>,
    #[command(flatten)]
    tls: ConnectionTls,
    /// Allow plaintext to a service or a database beyond loopback
    #[arg(id = "console_insecure", long = "insecure", global = true, value_name = "INSECURE", env = "AUTH_INSECURE", num_args = 0..=1,
          require_equals = true, default_value = "false", default_missing_value = "true", value_parser = boolean,
          hide_env_values = true)]
    insecure: bool,
}

/// Flags that choose a service or a database.
#[derive(Clone, Debug, Args)]
struct ConnectionArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Database to use while no service runs: sqlite:PATH or postgres://…; `AUTH_DATABASE_URL_FILE` names a file that
    /// holds it
    #[arg(id = "console_database_url", long = "database-url", global = true, value_name = "URL", env = "AUTH_DATABASE_URL",
          hide_env_values = true, value_hint = ValueHint::Url)]
    database_url: Option<DatabaseUrl>,
    /// Folder of the pair, whose database is used while no service runs
    #[arg(
        id = "console_data_dir",
        long = "data-dir",
        global = true,
        value_name = "DATA_DIR",
        env = "GATEPOST_DATA_DIR",
        hide_env_values = true
    )]
    data_dir: Option<PathBuf>,
    /// Largest difference between this machine's clock and the database server's, 1s to 60s
    #[arg(id = "console_clock_leeway", long = "clock-leeway", global = true, value_name = "CLOCK_LEEWAY",
          env = "AUTH_CLOCK_LEEWAY", default_value = "5s", value_parser = duration, hide_env_values = true)]
    clock_leeway: Duration,
    /// Use the database even if the clocks differ by more
    #[arg(id = "console_trust_clock", long = "trust-clock", global = true)]
    trust_clock: bool,
}

/// TLS flags, at any place of the command line.
#[derive(Clone, Debug, Default, Args)]
struct ConnectionTls {
    /// PEM file of the authorities to trust for the service's certificate. Unset: those of the login, or the public
    /// ones
    #[arg(id = "console_ca", long = "ca", global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file of a client certificate, with its intermediates
    #[arg(id = "console_client_cert", long = "client-cert", global = true, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// PEM file of the client certificate's private key
    #[arg(id = "console_client_key", long = "client-key", global = true, value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// Name that the service's certificate must have. Unset: the host of the URL
    #[arg(id = "console_server_name", long = "server-name", global = true, value_name = "NAME")]
    server_name: Option<String>,
}

/// Flags of the connection, and which of them the command line itself sets.
#[derive(Clone, Debug)]
pub(super) struct ConnectionFlags {
    args: ConnectionArgs,
    is_service_named: bool,
    is_database_named: bool,
    is_folder_named: bool,
}

impl FromArgMatches for ConnectionFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_named = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        Ok(Self {
            args: ConnectionArgs::from_arg_matches(matches)?,
            is_service_named: is_named("console_auth_url"),
            is_database_named: is_named("console_database_url"),
            is_folder_named: is_named("console_data_dir"),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ConnectionFlags {
    fn augment_args(command: Command) -> Command {
        ConnectionArgs::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        ConnectionArgs::augment_args_for_update(command)
    }
}

/// Way to reach the accounts.
#[derive(Debug)]
pub(crate) enum Way {
    /// Calls of a service.
    Service(ServiceFlags),
    /// The database itself.
    Database(DatabasePlace),
}

/// Service to call, as flags and environment name it.
#[derive(Debug)]
pub(crate) struct ServiceFlags {
    /// Address; `None` for the service of the latest login.
    pub(super) url: Option<ServiceAddress>,
    pub(super) tls: ClientTlsFlags,
    pub(super) is_insecure: bool,
}

/// Database to open.
#[derive(Debug)]
pub(crate) struct DatabasePlace {
    /// URL of the database.
    pub(crate) url: DatabaseUrl,
    /// Tolerated difference of the clocks.
    pub(crate) clock: ClockFlags,
    /// Set if any difference of the clocks is allowed.
    pub(crate) trusts_clock: bool,
}

impl ConnectionFlags {
    /// Returns the way that the flags name, else that of the environment, else the service of the latest login.
    ///
    /// # Errors
    /// Fails if there are two ways, or for plaintext beyond this machine.
    pub(crate) fn way(self, environment: Environment) -> Result<Way, Box<dyn std::error::Error + Send + Sync>> {
        let has_token = environment.secret(TOKEN)?.is_some();
        let args = &self.args;
        let named = [self.is_service_named, self.is_database_named, self.is_folder_named];
        let given =
            [args.service.auth_url.is_some() || has_token, args.database_url.is_some(), args.data_dir.is_some()];
        // A flag takes precedence over the environment.
        let chosen = if named.contains(&true) { named } else { given };
        match chosen {
            [_, false, false] => Ok(Way::Service(self.args.service.flags()?)),
            [false, true, false] => {
                let url = self.args.database_url.clone();
                Ok(Way::Database(self.database(url)?))
            }
            [false, false, true] => {
                let url = self.args.data_dir.as_ref().map(|folder| DatabaseUrl::file(folder.join("auth.db")));
                Ok(Way::Database(self.database(url)?))
            }
            _ => Err(CommandFailure::usage(TWO_WAYS).into()),
        }
    }

    fn database(self, url: Option<DatabaseUrl>) -> Result<DatabasePlace, ConfigError> {
        let url = url.ok_or_else(|| ConfigError::setting(DATABASE_URL, "names no database"))?;
        check_encrypted(DATABASE_URL, url.is_private(), switch(self.args.service.insecure))?;
        let clock = ClockFlags { clock_leeway: self.args.clock_leeway };
        clock.check()?;
        Ok(DatabasePlace { url, clock, trusts_clock: self.args.trust_clock })
    }
}

impl ServiceArgs {
    /// Returns the service of these flags.
    ///
    /// # Errors
    /// Fails for a client certificate without its key.
    pub(super) fn flags(self) -> Result<ServiceFlags, ConfigError> {
        let ConnectionTls { ca, client_cert, client_key, server_name } = self.tls;
        if client_cert.is_some() != client_key.is_some() {
            return Err(ConfigError::setting("--client-cert", "must be set together with --client-key"));
        }
        let tls = ClientTlsFlags { ca, client_cert, client_key, server_name };
        Ok(ServiceFlags { url: self.auth_url, tls, is_insecure: self.insecure })
    }
}

impl ServiceFlags {
    /// Refuses to send a password or a token in plaintext beyond this machine.
    ///
    /// # Errors
    /// The error names the flag and says what to do.
    pub(super) fn check_plaintext(&self, url: &ServiceAddress) -> Result<(), ConfigError> {
        if !url.is_tls() && !self.tls.is_empty() {
            return Err(ConfigError::setting(
                AUTH_URL,
                "is for plaintext: write https://HOST:PORT, or leave out the TLS flags",
            ));
        }
        check_plaintext(AUTH_URL, url.is_private(), switch(self.is_insecure))
    }
}

const TWO_WAYS: &str = "a service and a database are named at once: write one of --auth-url, --database-url and --data-dir, \
     which replace GATEPOST_AUTH_URL, GATEPOST_TOKEN, AUTH_DATABASE_URL and GATEPOST_DATA_DIR of the environment";

fn switch(is_on: bool) -> InsecureSwitch {
    InsecureSwitch { name: "AUTH_INSECURE", is_on }
}
