//! A PgBouncer in front of a throw-away server.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use tokio::time::{sleep, timeout};

use super::account::ServerAccount;
use super::error::{PostgresError, failed};
use super::processes;
use super::server::{PostgresServer, base};
use super::setting::skipped;
use super::variable::variable;
use super::watchdog::Watchdog;
use crate::apart::apart;

/// Time limit of a start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

const PORT: u16 = 6432;

/// A PgBouncer on a Unix socket, for any user without a password. The program ends when the value is dropped or this
/// process ends.
pub struct Bouncer {
    watchdog: Watchdog,
    process: Option<Child>,
    folder: PathBuf,
}

impl Bouncer {
    /// Starts a PgBouncer in front of this server, with these lines in its section `[pgbouncer]`; returns `None` if the
    /// program is missing.
    ///
    /// # Panics
    /// Panics if the start fails. In CI it also panics instead of returning `None`.
    pub async fn start(server: &PostgresServer, lines: &[&str]) -> Option<Self> {
        let Some(program) = program() else {
            skipped("there is no pgbouncer");
            return None;
        };
        let (socket, lines) = (server.socket(), lines.join("\n"));
        let made = apart(async move {
            let host = socket.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
            let mut watchdog = Watchdog::start(&base(), ServerAccount::find()?).map_err(failed("start a watchdog"))?;
            let folder = watchdog.folder().to_owned();
            let settings = format!(
                "[databases]\n* = host={host} port=5432 user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\n\
                 unix_socket_dir = {}\nauth_type = any\n{lines}\n",
                folder.display()
            );
            let path = folder.join("pgbouncer.ini");
            fs::write(&path, settings).map_err(failed("write its settings"))?;
            let log: File =
                OpenOptions::new().create(true).append(true).open(folder.join("log")).map_err(failed("open a log"))?;
            let process = watchdog.run(&program, &[path.display().to_string()], log).map_err(failed("start"))?;
            let bouncer = Self { watchdog, process: Some(process), folder };
            timeout(START_TIMEOUT, bouncer.answers())
                .await
                .map_err(|_| failed("answer in time")(bouncer.log_text()))?;
            Ok::<_, PostgresError>(bouncer)
        });
        Some(made.await.unwrap_or_else(|error| panic!("pgbouncer: {error}")))
    }

    /// Returns the URL of the server's database of this name through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost:{PORT}/{database}?host={}", self.folder.display())
    }

    async fn answers(&self) {
        let options = PgConnectOptions::new_without_pgpass().socket(&self.folder).port(PORT).username("postgres");
        let options = options.database("postgres").ssl_mode(PgSslMode::Disable).extra_float_digits(None);
        while let Err(_early) = PgConnection::connect_with(&options).await {
            sleep(processes::POLL_INTERVAL).await;
        }
    }

    fn log_text(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        self.watchdog.end();
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Returns the path of the program, on `PATH` or in Debian's folder, which is not in every user's `PATH`.
fn program() -> Option<PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin"]);
    folders.map(|folder| PathBuf::from(folder).join("pgbouncer")).find(|program| program.is_file())
}
