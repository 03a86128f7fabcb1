//! The database of an operator's command. The services may keep running.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use kit::config::{ConfigError, InsecureSwitch, boolean, check_encrypted};

use super::clock::ClockCheckFlags;
use crate::store::DatabaseUrl;

/// Default folder of the pair's databases.
const DEFAULT_FOLDER: &str = "gatepost-data";

/// Flags of the auth service's database.
#[derive(Clone, Debug, Args)]
pub(super) struct DatabaseFlags {
    /// Database of the auth service: sqlite:PATH or postgres://…; `AUTH_DATABASE_URL_FILE` names a file that holds it
    /// [default: sqlite:gatepost-data/auth.db]
    #[arg(long, global = true, env = "AUTH_DATABASE_URL", hide_env_values = true, value_hint = ValueHint::Url)]
    database_url: Option<DatabaseUrl>,
    /// Allow plaintext to a database beyond loopback
    #[arg(long, global = true, env = "AUTH_INSECURE", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = boolean, hide_env_values = true)]
    insecure: bool,
    #[command(flatten)]
    clock: ClockCheckFlags,
}

impl DatabaseFlags {
    /// Uses the database in the pair's folder, if a folder is named.
    ///
    /// # Errors
    /// Fails if a database is named, too. The command must not change the wrong one.
    pub(super) fn in_folder(self, folder: Option<PathBuf>) -> Result<Self, ConfigError> {
        match (folder, &self.database_url) {
            (None, _) => Ok(self),
            (Some(folder), None) => Ok(Self { database_url: Some(DatabaseUrl::file(folder.join("auth.db"))), ..self }),
            (Some(_), Some(_)) => Err(ConfigError::setting(
                "--data-dir (GATEPOST_DATA_DIR)",
                "names the pair's folder, and --database-url (AUTH_DATABASE_URL) another database: unset one of them",
            )),
        }
    }

    /// Returns the flags of the clock check.
    pub(super) fn clock(&self) -> ClockCheckFlags {
        self.clock
    }

    /// Returns the URL of the database.
    ///
    /// # Errors
    /// Fails for plaintext beyond loopback.
    pub(super) fn url(self) -> Result<DatabaseUrl, ConfigError> {
        let folder = PathBuf::from(DEFAULT_FOLDER);
        let url = self.database_url.unwrap_or_else(|| DatabaseUrl::file(folder.join("auth.db")));
        let switch = InsecureSwitch { name: "AUTH_INSECURE", is_on: self.insecure };
        check_encrypted("--database-url (AUTH_DATABASE_URL)", url.is_private(), switch)?;
        Ok(url)
    }
}
