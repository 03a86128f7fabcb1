//! Both services, their PostgreSQL server, and the proxy between them.

use std::path::Path;

use tempfile::TempDir;
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;

use crate::Failure;
use crate::drill::{DRILL_SETTINGS, DrillClient};
use crate::services::Services;

/// Both services on one PostgreSQL behind one proxy, and their client.
pub struct PostgresDrill {
    /// The PostgreSQL server of both services.
    pub server: PostgresServer,
    /// The proxy between the services and the server.
    pub proxy: Proxy,
    /// The client of both services.
    pub client: DrillClient,
    pub(super) databases: [String; 2],
    pub(super) services: Services,
    _folder: TempDir,
}

impl PostgresDrill {
    /// Starts the proxy, both services and their client. Each service gets a new database.
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
