//! The database of an operator's command. The services may keep running.

use std::path::{Path, PathBuf};

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
    /// Folder of the pair, in place of --database-url
    // The id differs from that of the pair's flag: otherwise clap uses the pair's default.
    #[arg(
        id = "database_data_dir",
        long = "data-dir",
        global = true,
        env = "GATEPOST_DATA_DIR",
        value_name = "DATA_DIR",
        hide_env_values = true
    )]
    data_dir: Option<PathBuf>,
    /// Allow plaintext to a database beyond loopback
    #[arg(long, global = true, env = "AUTH_INSECURE", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = boolean, hide_env_values = true)]
    insecure: bool,
    #[command(flatten)]
    clock: ClockCheckFlags,
}

impl DatabaseFlags {
    /// Returns the flags of the clock check.
    pub(super) fn clock(&self) -> ClockCheckFlags {
        self.clock
    }

    /// Returns the URL of the database.
    ///
    /// # Errors
    /// Fails for plaintext beyond loopback, and if both a folder and a database are named. The command must not change the
    /// wrong one.
    pub(super) fn url(self) -> Result<DatabaseUrl, ConfigError> {
        let in_folder = |folder: &Path| DatabaseUrl::file(folder.join("auth.db"));
        let url = match (self.data_dir, self.database_url) {
            (None, Some(url)) => url,
            (folder, None) => in_folder(folder.as_deref().unwrap_or(Path::new(DEFAULT_FOLDER))),
            (Some(_), Some(_)) => {
                return Err(ConfigError::setting(
                    "--data-dir (GATEPOST_DATA_DIR)",
                    "names the pair's folder, and --database-url (AUTH_DATABASE_URL) another database: unset one of them",
                ));
            }
        };
        let switch = InsecureSwitch { name: "AUTH_INSECURE", is_on: self.insecure };
        check_encrypted("--database-url (AUTH_DATABASE_URL)", url.is_private(), switch)?;
        Ok(url)
    }
}
