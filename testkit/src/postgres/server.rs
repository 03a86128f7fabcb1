//! A throw-away PostgreSQL from the system's programs, and its faults.

mod throttle;
mod tls;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Signal, geteuid};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{sleep, timeout};

pub use self::throttle::Throttle;
use super::account::ServerAccount;
use super::error::{PostgresError, failed};
use super::watchdog::Watchdog;
use super::{admin, names, processes, programs};
use crate::apart::apart;

/// Time limit of a start or an end of a server.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest path of a socket in bytes, without the zero at its end (unix(7)).
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Upper bound of the part of a socket's path below the folder of temporary files, in bytes.
const SOCKET_NAME_BYTES: usize = "/gp-123456/.s.PGSQL.5432.lock".len();

/// Settings of each server, before the settings of the caller. A throw-away server needs no `fsync`.
const DEFAULT_SETTINGS: [&str; 4] = ["listen_addresses=", "fsync=off", "max_connections=200", "shared_buffers=16MB"];

/// A throw-away PostgreSQL on a Unix socket, empty, with a superuser `postgres` without a password.
///
/// The server ends and its folder is removed when the value is dropped or this process ends, even by a kill. The server does
/// not depend on a runtime, so that many tests may share it.
pub struct PostgresServer(Arc<ServerParts>);

struct ServerParts {
    programs: PathBuf,
    folder: PathBuf,
    settings: Vec<String>,
    running: Mutex<Running>,
}

/// Initial files of a server.
enum InitialFiles {
    Empty,
    /// Copy of the files of the server that listens in this folder.
    CopyOf(PathBuf),
}

struct Running {
    watchdog: Watchdog,
    /// First process of the server, while it runs.
    process: Option<Child>,
}

impl PostgresServer {
    /// Starts a server and waits until it answers, at most 30 s; usually about 1 s.
    ///
    /// `fsync` is off: commits survive a kill of the server, but not a stop of the machine.
    pub async fn start() -> Result<Self, PostgresError> {
        Self::start_with(&[]).await
    }

    /// Starts a server like [`Self::start`], with settings of `postgresql.conf`, such as `fsync=on`.
    pub async fn start_with(settings: &[&str]) -> Result<Self, PostgresError> {
        let settings = DEFAULT_SETTINGS.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
        let inner = apart(ServerParts::make(settings, InitialFiles::Empty)).await?;
        Ok(Self(Arc::new(inner)))
    }

    /// Starts a standby of this running server; usually in about 2 s.
    pub async fn start_standby(&self) -> Result<Self, PostgresError> {
        let settings = self.0.settings.clone();
        let inner = apart(ServerParts::make(settings, InitialFiles::CopyOf(self.0.sockets()))).await?;
        Ok(Self(Arc::new(inner)))
    }

    /// Promotes a standby to a primary, and waits until it accepts writes, at most 30 s.
    pub async fn promote(&self) -> Result<(), PostgresError> {
        let url = self.url("postgres");
        apart(async move { admin::promote(&url).await }).await
    }

    /// Makes this stopped server a standby of `primary` at its [next start](Self::start_again).
    pub fn stand_by(&self, primary: &Self) -> Result<(), PostgresError> {
        self.0.stand_by(&primary.0.sockets())
    }

    /// Returns the URL of a database of this name, which may not exist yet.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.0.sockets().display())
    }

    /// Returns the URL of a database through another address of the server, such as a proxy's.
    pub fn url_at(&self, address: impl std::fmt::Display, database: &str) -> String {
        format!("postgres://postgres@{address}/{database}?sslmode=disable")
    }

    /// Returns the path of the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.0.sockets().join(".s.PGSQL.5432")
    }

    /// Creates an empty database with a unique name, and returns its URL.
    pub async fn create_database(&self) -> Result<String, PostgresError> {
        let (admin, name) = (self.url("postgres"), names::unique());
        let url = self.url(&name);
        apart(async move { admin::create(&admin, &name).await }).await?;
        Ok(url)
    }

    /// Returns the open transactions of other clients in this database, each as client name, state and query.
    pub async fn transactions(&self, database: &str) -> Result<Vec<String>, PostgresError> {
        let url = self.url(database);
        apart(async move { admin::transactions(&url).await }).await
    }

    /// Stops the server as an operator does: rolls back transactions and writes a checkpoint. Waits for its end, at most 30 s.
    pub async fn stop_fast(&self) -> Result<(), PostgresError> {
        let inner = Arc::clone(&self.0);
        apart(async move {
            let mut running = inner.running("stop").await?;
            let process = running.id();
            processes::signal(process, Signal::INT);
            processes::until("end of the first process", || processes::ended(process)).await.map_err(failed("stop"))?;
            running.reap()
        })
        .await
    }

    /// Kills all processes of the server, also paused ones, and waits for their end.
    pub async fn kill(&self) -> Result<(), PostgresError> {
        let inner = Arc::clone(&self.0);
        apart(async move {
            let mut running = inner.running("end").await?;
            let process = running.id();
            let children = processes::stop(process).await.map_err(failed("end"))?;
            for one in children.iter().chain([&process]) {
                processes::signal(*one, Signal::KILL);
            }
            running.reap()?;
            let all = || children.iter().all(|child| processes::ended(*child));
            processes::until("end of the children", all).await.map_err(failed("end"))
        })
        .await
    }

    /// Stops all processes of the server, like a frozen machine: connections stay open without answers. Waits until all
    /// processes are stopped.
    pub async fn pause(&self) -> Result<(), PostgresError> {
        let inner = Arc::clone(&self.0);
        apart(async move {
            let running = inner.running("pause").await?;
            processes::stop(running.id()).await.map(drop).map_err(failed("pause"))
        })
        .await
    }

    /// Ends a pause.
    pub async fn resume(&self) -> Result<(), PostgresError> {
        let running = self.0.running("resume").await?;
        let process = running.id();
        for one in processes::children(process).into_iter().chain([process]) {
            processes::signal(one, Signal::CONT);
        }
        Ok(())
    }

    /// Starts a stopped server again, and waits until it has recovered and answers, at most 30 s.
    pub async fn start_again(&self) -> Result<(), PostgresError> {
        let inner = Arc::clone(&self.0);
        apart(async move {
            let mut running = inner.running.lock().await;
            if running.process.is_some() {
                return Err(failed("start again")("it runs"));
            }
            inner.launch(&mut running).await
        })
        .await
    }
}

impl ServerParts {
    async fn make(settings: Vec<String>, origin: InitialFiles) -> Result<Self, PostgresError> {
        let programs = programs::find()?;
        let watchdog = Watchdog::start(&base(), ServerAccount::find()?).map_err(failed("start a watchdog"))?;
        let folder = watchdog.folder().to_owned();
        let running = Mutex::new(Running { watchdog, process: None });
        let inner = Self { programs, folder, settings, running };
        let mut running = inner.running.lock().await;
        match &origin {
            InitialFiles::Empty => inner.set_up(&mut running)?,
            InitialFiles::CopyOf(primary) => {
                inner.copy(&mut running, primary)?;
                inner.stand_by(primary)?;
            }
        }
        inner.launch(&mut running).await?;
        drop(running);
        Ok(inner)
    }

    /// Creates the server's files, in a locale that is the same on all machines.
    fn set_up(&self, running: &mut Running) -> Result<(), PostgresError> {
        let mut made = false;
        for locale in ["C.UTF-8", "C"] {
            let arguments = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale", locale, "-D"];
            let arguments = arguments.map(str::to_owned).into_iter().chain([self.data()]).collect::<Vec<_>>();
            let process = running.watchdog.run(&self.programs.join("initdb"), &arguments, self.log()?);
            made = made || process.and_then(|mut process| process.wait()).map_err(failed("set up"))?.success();
            if made {
                break;
            }
        }
        if made { Ok(()) } else { Err(failed("set up")(self.log_text())) }
    }

    /// Copies the files of a running server.
    fn copy(&self, running: &mut Running, primary: &Path) -> Result<(), PostgresError> {
        let from = primary.display().to_string();
        let arguments = ["-h", &from, "-U", "postgres", "-X", "stream", "-c", "fast", "--no-sync", "-D", &self.data()];
        let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
        let process = running.watchdog.run(&programs::beside(&self.programs, "pg_basebackup"), &arguments, self.log()?);
        let made = process.and_then(|mut process| process.wait()).map_err(failed("copy a server"))?;
        if made.success() { Ok(()) } else { Err(failed("copy a server")(self.log_text())) }
    }

    /// Makes the server a standby at its next start.
    fn stand_by(&self, primary: &Path) -> Result<(), PostgresError> {
        let data = PathBuf::from(self.data());
        let setting = format!("primary_conninfo = 'host={} user=postgres'\n", primary.display());
        let file = OpenOptions::new().append(true).open(data.join("postgresql.auto.conf"));
        file.and_then(|mut file| file.write_all(setting.as_bytes())).map_err(failed("become a standby"))?;
        let signal = data.join("standby.signal");
        let owner = fs::metadata(&data).map_err(failed("become a standby"))?;
        let made = File::create(&signal).and_then(|_| chown(&signal, Some(owner.uid()), Some(owner.gid())));
        made.map_err(failed("become a standby"))
    }

    /// Starts the server and waits until it answers.
    async fn launch(&self, running: &mut Running) -> Result<(), PostgresError> {
        // A killed server leaves these files, and the process id in them may belong to another process now.
        for left in [Path::new(&self.data()).join("postmaster.pid"), self.sockets().join(".s.PGSQL.5432.lock")] {
            ignore_missing(fs::remove_file(left)).map_err(failed("start"))?;
        }
        let mut arguments = vec!["-D".to_owned(), self.data()];
        let sockets = format!("unix_socket_directories={}", self.sockets().display());
        for setting in self.settings.iter().chain([&sockets]) {
            arguments.extend(["-c".to_owned(), setting.clone()]);
        }
        let process = running.watchdog.run(&self.programs.join("postgres"), &arguments, self.log()?);
        let process = running.process.insert(process.map_err(failed("start"))?).id();
        let answers = async {
            while !self.answers().await {
                if processes::ended(process) {
                    return Err(failed("start")(self.log_text()));
                }
                sleep(processes::POLL_INTERVAL).await;
            }
            Ok(())
        };
        timeout(START_TIMEOUT, answers).await.unwrap_or_else(|_| Err(failed("answer in time")(self.log_text())))
    }

    /// Returns true if the server accepts a connection.
    async fn answers(&self) -> bool {
        let options = PgConnectOptions::new_without_pgpass().socket(self.sockets()).port(5432);
        let options = options.username("postgres").database("postgres").ssl_mode(PgSslMode::Disable);
        match PgConnection::connect_with(&options).await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Returns the running server; fails with the name of the `step` if it does not run.
    async fn running(&self, step: &'static str) -> Result<MutexGuard<'_, Running>, PostgresError> {
        let running = self.running.lock().await;
        if running.process.is_some() { Ok(running) } else { Err(failed(step)("it does not run")) }
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn sockets(&self) -> PathBuf {
        self.folder.clone()
    }

    fn log(&self) -> Result<File, PostgresError> {
        OpenOptions::new().create(true).append(true).open(self.folder.join("log")).map_err(failed("open a log"))
    }

    /// Returns the last lines of the log.
    fn log_text(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        format!("its log:\n{}", lines[lines.len().saturating_sub(10)..].join("\n"))
    }
}

impl Running {
    /// Returns the id of the first process. After its end, returns 0, which is not the id of any process.
    fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    /// Waits for the first process, which is about to end.
    fn reap(&mut self) -> Result<(), PostgresError> {
        self.process.take().map_or(Ok(()), |mut process| process.wait().map(drop).map_err(failed("end")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watchdog.end();
        if let Some(mut process) = self.process.take() {
            // The process has ended by now, unless the watchdog was killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Returns the folder of temporary files. Returns `/tmp` if that folder's path is too long for a socket, or if this
/// process runs as root.
pub(super) fn base() -> PathBuf {
    let named = std::env::temp_dir();
    let fits = named.as_os_str().len() + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES && !geteuid().is_root();
    if fits { named } else { PathBuf::from("/tmp") }
}

/// Ignores that a file to remove does not exist.
fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
