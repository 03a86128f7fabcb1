//! Where the services keep their databases.

use std::path::{Path, PathBuf};

use auth_service::keys::storage::KeyFile;
use clap::Args;
use db::DatabaseUrl;
use kit::config::ConfigError;

use super::part::Part;

/// Where the databases are, or are to be.
#[derive(Clone, Debug, Args)]
pub(crate) struct Places {
    /// Folder of the pair's databases and signing key
    #[arg(long, env = "GATEPOST_DATA_DIR", default_value = "gatepost-data", hide_env_values = true)]
    data_dir: PathBuf,
    /// The auth service's database elsewhere, as sqlite:PATH; with it, only what these two flags name is looked at
    #[arg(long, value_name = "URL")]
    auth_database_url: Option<DatabaseUrl>,
    /// The blog service's database elsewhere, as sqlite:PATH; with it, only what these two flags name is looked at
    #[arg(long, value_name = "URL")]
    blog_database_url: Option<DatabaseUrl>,
}

impl Places {
    /// The databases by their services.
    ///
    /// # Errors
    /// When one is on a server.
    pub(super) fn files(&self) -> Result<Vec<(Part, PathBuf)>, ConfigError> {
        if !self.are_named() {
            return Ok(Part::ALL.map(|part| (part, self.data_dir.join(part.file()))).to_vec());
        }
        let mut files = Vec::new();
        for part in Part::ALL {
            match self.url(part) {
                Some(DatabaseUrl::Sqlite(path)) => files.push((part, path.clone())),
                Some(DatabaseUrl::Postgres(_)) => return Err(ConfigError::setting(part.flag(), ON_A_SERVER)),
                None => {}
            }
        }
        Ok(files)
    }

    /// Whether the flags name databases, so that those of the folder do not count.
    pub(super) fn are_named(&self) -> bool {
        Part::ALL.iter().any(|part| self.url(*part).is_some())
    }

    fn url(&self, part: Part) -> Option<&DatabaseUrl> {
        match part {
            Part::Auth => self.auth_database_url.as_ref(),
            Part::Blog => self.blog_database_url.as_ref(),
        }
    }
}

const ON_A_SERVER: &str = "a PostgreSQL database is backed up by pg_dump and restored by pg_restore: \
     docs/operations/backup.md has the commands";

/// The signing key's file beside the auth service's database.
pub(super) fn key_of(database: &Path) -> PathBuf {
    KeyFile::beside(database).path().to_owned()
}
