//! Databases of a run, and the services on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::postgres::PostgresServer;

use super::ScaleEngine;
use crate::Failure;
use crate::fill::FilledDatabase;
use crate::load::UNLIMITED_SETTINGS;
use crate::services::Services;

/// The first admin, whose password all users have.
pub(super) const ADMIN_EMAIL: &str = "admin@example.com";
pub(super) const USER_PASSWORD: &str = "correct horse battery staple";

/// Settings of the services. All callers have one address, and the databases exist only for one run.
const SCALE_SETTINGS: [(&str, &str); 4] = [
    ("AUTH_ADDRESS_FAILURES", "0"),
    ("AUTH_ADMIN_EMAIL", ADMIN_EMAIL),
    ("AUTH_ADMIN_PASSWORD", USER_PASSWORD),
    ("JWT_SECRET_KEY", "the secret protects only databases that exist for one run"),
];

/// Settings of the PostgreSQL server: its own default for the buffers, and fewer checkpoints and no standbys while it is filled.
const SERVER_SETTINGS: [&str; 4] =
    ["shared_buffers=128MB", "max_wal_size=4GB", "wal_level=minimal", "max_wal_senders=0"];

/// Place for the databases of a run.
pub(super) enum ScaleHost {
    /// Files.
    Files,
    /// A server.
    Server(PostgresServer),
}

/// The databases of both services, and their folder.
pub(super) struct ScaleDatabases {
    folder: PathBuf,
    pub(super) auth: FilledDatabase,
    pub(super) blog: FilledDatabase,
}

impl ScaleHost {
    /// Starts the server of this engine, if it needs one.
    pub(super) async fn start(engine: ScaleEngine) -> Result<Self, Failure> {
        Ok(match engine {
            ScaleEngine::Sqlite => Self::Files,
            ScaleEngine::Postgres => Self::Server(PostgresServer::start_with(&SERVER_SETTINGS).await?),
        })
    }

    /// Returns new databases. The files, and the logs of the services, are in this new folder.
    pub(super) async fn databases(&self, folder: &Path) -> Result<ScaleDatabases, Failure> {
        let data = folder.join("data");
        fs::create_dir_all(&data)?;
        let [auth, blog] = match self {
            Self::Files => ["auth.db", "blog.db"].map(|file| FilledDatabase::Sqlite(data.join(file))),
            Self::Server(server) => {
                [server.create_database().await?, server.create_database().await?].map(FilledDatabase::Postgres)
            }
        };
        Ok(ScaleDatabases { folder: folder.to_owned(), auth, blog })
    }
}

impl ScaleDatabases {
    /// Starts the services without quotas; `change` may change their commands.
    pub(super) async fn start(
        &self,
        program: &Path,
        change: impl Fn(&mut Command) -> &mut Command,
    ) -> Result<Services, Failure> {
        let change = |command: &mut Command| {
            change(command.envs(UNLIMITED_SETTINGS).envs(SCALE_SETTINGS));
        };
        match (&self.auth, &self.blog) {
            (FilledDatabase::Postgres(auth), FilledDatabase::Postgres(blog)) => {
                Services::on_postgres(program, &self.folder, [auth, blog], |command| {
                    change(command);
                    command
                })
                .await
            }
            _ => {
                Services::pair(program, &self.folder, |command| {
                    change(command);
                    command
                })
                .await
            }
        }
    }

    /// Creates the tables and the admin: the services start and stop once.
    pub(super) async fn create(&self, program: &Path) -> Result<(), Failure> {
        self.start(program, |command| command).await?.stop()
    }

    /// Returns the bytes of both databases.
    pub(super) async fn bytes(&self) -> Result<u64, Failure> {
        Ok(self.auth.bytes().await? + self.blog.bytes().await?)
    }

    /// Removes the files. A server's databases stay until it ends.
    pub(super) fn remove(self) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(self.folder)?)
    }
}
