//! Both services, their database and the connection to it.

use std::path::Path;

use tempfile::TempDir;
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;

use crate::Failure;
use crate::drill::{DRILL_SETTINGS, DrillClient};
use crate::services::Services;

/// Both services on one PostgreSQL behind one proxy, and their client.
pub struct PostgresDrill {
    /// The server.
    pub server: PostgresServer,
    /// The connection to it.
    pub proxy: Proxy,
    /// The client.
    pub client: DrillClient,
    pub(super) databases: [String; 2],
    pub(super) services: Services,
    _folder: TempDir,
}

impl PostgresDrill {
    /// Starts everything.
    ///
    /// # Errors
    /// Fails if a part does not start.
    pub async fn start(program: &Path, server: PostgresServer, seed: u64) -> Result<Self, Failure> {
        let proxy = Proxy::to_socket(server.socket());
        let databases = [database(&server).await?, database(&server).await?];
        let [auth, blog] = databases.each_ref().map(|name| server.url_at(proxy.address(), name));
        let folder = tempfile::tempdir()?;
        let services =
            Services::on_postgres(program, folder.path(), [&auth, &blog], |command| command.envs(DRILL_SETTINGS))
                .await?;
        let client = DrillClient::register(&services, seed).await?;
        Ok(Self { server, proxy, client, databases, services, _folder: folder })
    }
}

/// Creates a database, and returns its name.
pub(in crate::drill) async fn database(server: &PostgresServer) -> Result<String, Failure> {
    let url = server.create_database().await?;
    let name = url.split('?').next().and_then(|before| before.rsplit('/').next());
    Ok(name.ok_or("a URL without a database")?.to_owned())
}
