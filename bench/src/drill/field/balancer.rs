//! An `HAProxy` in front of two servers. It forwards to the server that accepts writes.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Failure;
use crate::services::Killed;

/// A balancer, which ends when the value is dropped.
pub(super) struct Balancer {
    pub(super) address: SocketAddr,
    _process: Killed,
    _links: Vec<Proxy>,
    _agents: JoinSet<()>,
    _folder: TempDir,
}

impl Balancer {
    /// Starts `HAProxy` in front of these servers; `None` if the program is missing.
    ///
    /// Each server is checked by `pgsql-check`, and by an agent that reports if the server accepts writes.
    pub(super) async fn start(servers: [&Arc<PostgresServer>; 2]) -> Result<Option<Self>, Failure> {
        let Some(program) = program() else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        let (mut agents, mut links, mut settings_lines) = (JoinSet::new(), Vec::new(), String::new());
        for (number, server) in servers.into_iter().enumerate() {
            let link = Proxy::to_socket(server.socket());
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let (address, agent) = (link.address(), listener.local_addr()?.port());
            let server_line = format!(
                "  server s{number} {address} check inter 200 fall 1 rise 1 on-marked-down shutdown-sessions \
                 agent-check agent-addr 127.0.0.1 agent-port {agent} agent-inter 100\n"
            );
            settings_lines.push_str(&server_line);
            agents.spawn(answer(listener, Arc::clone(server)));
            links.push(link);
        }
        let address = free_address().await?;
        let settings = format!(
            "defaults\n  mode tcp\n  timeout connect 1s\n  timeout check 1s\n  timeout client 1h\n  timeout server 1h\n\
             listen postgres\n  bind {address}\n  option pgsql-check user postgres\n{settings_lines}"
        );
        let path = folder.path().join("haproxy.cfg");
        std::fs::write(&path, settings)?;
        let log = File::create(folder.path().join("log"))?;
        let mut command = Command::new(program);
        command.args(["-db", "-f"]).arg(&path).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = Killed(command.spawn()?);
        Ok(Some(Self { address, _process: process, _links: links, _agents: agents, _folder: folder }))
    }
}

/// Answers the balancer's checks: up while the server accepts writes.
async fn answer(listener: TcpListener, server: Arc<PostgresServer>) {
    loop {
        let Ok((mut check, _)) = listener.accept().await else { return };
        let word = if is_primary(&server.url("postgres")).await { "up\n" } else { "down\n" };
        // The balancer may have closed the connection.
        let _ = check.write_all(word.as_bytes()).await;
    }
}

/// Returns `true` if the server of this URL accepts writes.
pub(super) async fn is_primary(url: &str) -> bool {
    let asked = async {
        let mut connection = PgConnection::connect(url).await?;
        let stands_by: bool = sqlx::query_scalar("select pg_is_in_recovery()").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(!stands_by)
    };
    asked.await.unwrap_or(false)
}

/// Returns an address of the loopback that was free a moment ago.
async fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}

/// Returns the path of the program, from a folder of `PATH` or from Debian's `/usr/sbin`.
#[expect(clippy::disallowed_methods, reason = "the environment names a drill's tools")]
fn program() -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin"]);
    folders.map(|folder| Path::new(folder).join("haproxy")).find(|program| program.is_file())
}
