//! Places of the services' databases.

use std::path::{Path, PathBuf};

use auth_service::keys::storage::KeyFile;
use clap::Args;
use db::DatabaseUrl;
use kit::config::ConfigError;

use super::part::{BackupPart, PartFile};

/// Places of the databases.
#[derive(Clone, Debug, Args)]
pub(crate) struct BackupPlaces {
    /// Folder of the pair's databases and signing key
    #[arg(long, env = "GATEPOST_DATA_DIR", default_value = "gatepost-data", hide_env_values = true)]
    data_dir: PathBuf,
    /// The auth service's database in another place, as sqlite:PATH; then only the databases of these two flags count
    #[arg(long, value_name = "URL")]
    auth_database_url: Option<DatabaseUrl>,
    /// The blog service's database in another place, as sqlite:PATH; then only the databases of these two flags count
    #[arg(long, value_name = "URL")]
    blog_database_url: Option<DatabaseUrl>,
}

impl BackupPlaces {
    /// Returns the database of each service.
    ///
    /// # Errors
    /// Fails if a database is on a server.
    pub(super) fn files(&self) -> Result<Vec<PartFile>, ConfigError> {
        if !self.are_named() {
            return Ok(BackupPart::ALL.map(|part| PartFile { part, path: self.data_dir.join(part.file()) }).to_vec());
        }
        let mut files = Vec::new();
        for part in BackupPart::ALL {
            match self.url(part) {
                Some(DatabaseUrl::Sqlite(path)) => files.push(PartFile { part, path: path.clone() }),
                Some(DatabaseUrl::Postgres(_)) => return Err(ConfigError::setting(part.flag(), ON_A_SERVER)),
                None => {}
            }
        }
        Ok(files)
    }

    /// Returns true if the flags name databases; then those of the folder do not count.
    pub(super) fn are_named(&self) -> bool {
        BackupPart::ALL.iter().any(|part| self.url(*part).is_some())
    }

    fn url(&self, part: BackupPart) -> Option<&DatabaseUrl> {
        match part {
            BackupPart::Auth => self.auth_database_url.as_ref(),
            BackupPart::Blog => self.blog_database_url.as_ref(),
        }
    }
}

const ON_A_SERVER: &str = "a PostgreSQL database is backed up by pg_dump and restored by pg_restore: \
     docs/operations/backup.md has the commands";

/// Returns the file of the signing key beside the auth service's database.
pub(super) fn key_beside(database: &Path) -> PathBuf {
    KeyFile::beside(database).path().to_owned()
}
