//! The database that a command works on, beside services that run or not.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use kit::config::{ConfigError, boolean, check_encrypted};

use super::clock::ClockCheckFlags;
use crate::store::DatabaseUrl;

/// The folder that the pair keeps its databases in by default.
const DEFAULT_FOLDER: &str = "gatepost-data";

/// The database of one auth service.
#[derive(Clone, Debug, Args)]
pub(super) struct DatabaseFlags {
    /// The auth service's database: sqlite:PATH or postgres://…; `AUTH_DATABASE_URL_FILE`: a file that holds it [default:
    /// sqlite:gatepost-data/auth.db]
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
    /// Takes the pair's folder for the place, if one is named.
    ///
    /// # Errors
    /// Fails if a database is named as well: a key must not die in the wrong one.
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

    /// Returns the exactness that the command's clock needs.
    pub(super) fn clock(&self) -> ClockCheckFlags {
        self.clock
    }

    /// The database.
    ///
    /// # Errors
    /// Fails if it is reached in plaintext beyond loopback.
    pub(super) fn url(self) -> Result<DatabaseUrl, ConfigError> {
        let folder = PathBuf::from(DEFAULT_FOLDER);
        let url = self.database_url.unwrap_or_else(|| DatabaseUrl::file(folder.join("auth.db")));
        check_encrypted("--database-url (AUTH_DATABASE_URL)", url.is_private(), self.insecure, "AUTH_INSECURE")?;
        Ok(url)
    }
}
