//! A throw-away PostgreSQL from the system's programs, and what can happen to a server.

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
use super::account::Account;
use super::error::{Error, failed};
use super::watchdog::Watchdog;
use super::{admin, names, processes, programs};
use crate::apart::apart;

/// How long a server may take until it answers, or until it has ended.
const READY: Duration = Duration::from_secs(30);

/// What a socket's path may have, in bytes, without the zero at its end (unix(7)).
const SOCKET_PATH: usize = 107;

/// Longer than all that stands below the folder of temporary files in a socket's path.
const BELOW: usize = "/gp-123456/.s.PGSQL.5432.lock".len();

/// Set for each server, before what its user sets: nothing that is thrown away needs the disk.
const SETTINGS: [&str; 4] = ["listen_addresses=", "fsync=off", "max_connections=200", "shared_buffers=16MB"];

/// A PostgreSQL of this process's own: empty, on a Unix socket alone, with a superuser `postgres` who needs no password.
///
/// It ends and its folder goes when the value is dropped, or when this process ends, however that happens. The server is
/// bound to no runtime: many tests may share it.
pub struct PostgresServer(Arc<Inner>);

struct Inner {
    programs: PathBuf,
    folder: PathBuf,
    settings: Vec<String>,
    running: Mutex<Running>,
}

/// The files that a server begins with.
enum Origin {
    Empty,
    /// The files of the server that listens in this folder.
    CopyOf(PathBuf),
}

struct Running {
    watchdog: Watchdog,
    /// The first process of the server, while it runs.
    process: Option<Child>,
}

impl PostgresServer {
    /// Makes a server and waits until it answers, 30 s at the most. It takes about a second.
    ///
    /// `fsync` is off: what a killed server has committed is there when it starts again, but not when the machine stops.
    pub async fn start() -> Result<Self, Error> {
        Self::start_with(&[]).await
    }

    /// The same with settings of `postgresql.conf`, such as `fsync=on`.
    pub async fn start_with(settings: &[&str]) -> Result<Self, Error> {
        let settings = SETTINGS.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
        let inner = apart(Inner::make(settings, Origin::Empty)).await?;
        Ok(Self(Arc::new(inner)))
    }

    /// Makes a standby of this server, which must run: it repeats what this one writes. It takes about two seconds.
    pub async fn start_standby(&self) -> Result<Self, Error> {
        let settings = self.0.settings.clone();
        let inner = apart(Inner::make(settings, Origin::CopyOf(self.0.sockets()))).await?;
        Ok(Self(Arc::new(inner)))
    }

    /// Makes a primary of a standby, and waits until it takes writes, 30 s at the most.
    pub async fn promote(&self) -> Result<(), Error> {
        let url = self.url("postgres");
        apart(async move { admin::promote(&url).await }).await
    }

    /// Makes a standby of this server, which has ended, when it [starts again](Self::start_again): it repeats what `primary`
    /// writes.
    pub fn stand_by(&self, primary: &Self) -> Result<(), Error> {
        self.0.stand_by(&primary.0.sockets())
    }

    /// The URL of a database of this name, which may not be there yet.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.0.sockets().display())
    }

    /// The URL of a database for whoever reaches the server through `address`, such as a proxy's.
    pub fn url_at(&self, address: impl std::fmt::Display, database: &str) -> String {
        format!("postgres://postgres@{address}/{database}?sslmode=disable")
    }

    /// The path of the socket on which the server listens.
    pub fn socket(&self) -> PathBuf {
        self.0.sockets().join(".s.PGSQL.5432")
    }

    /// Makes an empty database with a name that no other one has: its URL.
    pub async fn create_database(&self) -> Result<String, Error> {
        let (admin, name) = (self.url("postgres"), names::unique());
        let url = self.url(&name);
        apart(async move { admin::create(&admin, &name).await }).await?;
        Ok(url)
    }

    /// The transactions that are open in the database of this name, of others than who asks: each the client's name and
    /// what it does.
    pub async fn transactions(&self, database: &str) -> Result<Vec<String>, Error> {
        let url = self.url(database);
        apart(async move { admin::transactions(&url).await }).await
    }

    /// Ends the server as an operator does: no new sessions, transactions are rolled back, all is written. Waits until it
    /// has ended, 30 s at the most.
    pub async fn stop_fast(&self) -> Result<(), Error> {
        let inner = Arc::clone(&self.0);
        apart(async move {
            let mut running = inner.running("stop").await?;
            let process = running.id();
            processes::signal(process, Signal::INT);
            processes::until("ends", || processes::ended(process)).await.map_err(failed("stop"))?;
            running.reap()
        })
        .await
    }

    /// Kills each process of the server, as a machine does that runs out of memory; also when it is paused. Waits until
    /// all have ended.
    pub async fn kill(&self) -> Result<(), Error> {
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
            processes::until("ends", all).await.map_err(failed("end"))
        })
        .await
    }

    /// Makes all processes of the server stand still, as a frozen machine does: its connections stay open, and nothing
    /// answers. Waits until they do.
    pub async fn pause(&self) -> Result<(), Error> {
        let inner = Arc::clone(&self.0);
        apart(async move {
            let running = inner.running("pause").await?;
            processes::stop(running.id()).await.map(drop).map_err(failed("pause"))
        })
        .await
    }

    /// Ends a pause.
    pub async fn resume(&self) -> Result<(), Error> {
        let running = self.0.running("resume").await?;
        let process = running.id();
        for one in processes::children(process).into_iter().chain([process]) {
            processes::signal(one, Signal::CONT);
        }
        Ok(())
    }

    /// Starts an ended server on what it had, and waits until it has recovered and answers, 30 s at the most.
    pub async fn start_again(&self) -> Result<(), Error> {
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

impl Inner {
    async fn make(settings: Vec<String>, origin: Origin) -> Result<Self, Error> {
        let programs = programs::find()?;
        let watchdog = Watchdog::start(&base(), Account::find()?).map_err(failed("get a watchdog"))?;
        let folder = watchdog.folder().to_owned();
        let running = Mutex::new(Running { watchdog, process: None });
        let inner = Self { programs, folder, settings, running };
        let mut running = inner.running.lock().await;
        match &origin {
            Origin::Empty => inner.set_up(&mut running)?,
            Origin::CopyOf(primary) => {
                inner.copy(&mut running, primary)?;
                inner.stand_by(primary)?;
            }
        }
        inner.launch(&mut running).await?;
        drop(running);
        Ok(inner)
    }

    /// Makes the server's files, in a locale that is the same everywhere.
    fn set_up(&self, running: &mut Running) -> Result<(), Error> {
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
        if made { Ok(()) } else { Err(failed("set up")(self.said())) }
    }

    /// Copies the files of a server that runs.
    fn copy(&self, running: &mut Running, primary: &Path) -> Result<(), Error> {
        let from = primary.display().to_string();
        let arguments = ["-h", &from, "-U", "postgres", "-X", "stream", "-c", "fast", "--no-sync", "-D", &self.data()];
        let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
        let process = running.watchdog.run(&programs::beside(&self.programs, "pg_basebackup"), &arguments, self.log()?);
        let made = process.and_then(|mut process| process.wait()).map_err(failed("copy a server"))?;
        if made.success() { Ok(()) } else { Err(failed("copy a server")(self.said())) }
    }

    /// Makes the next start that of a standby.
    fn stand_by(&self, primary: &Path) -> Result<(), Error> {
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
    async fn launch(&self, running: &mut Running) -> Result<(), Error> {
        // A killed server leaves these, and the process that they name may be somebody else's by now.
        for left in [Path::new(&self.data()).join("postmaster.pid"), self.sockets().join(".s.PGSQL.5432.lock")] {
            absent(fs::remove_file(left)).map_err(failed("start"))?;
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
                    return Err(failed("start")(self.said()));
                }
                sleep(processes::LOOK).await;
            }
            Ok(())
        };
        timeout(READY, answers).await.unwrap_or_else(|_| Err(failed("answer in time")(self.said())))
    }

    /// Whether a connection can be had.
    async fn answers(&self) -> bool {
        let options = PgConnectOptions::new_without_pgpass().socket(self.sockets()).port(5432);
        let options = options.username("postgres").database("postgres").ssl_mode(PgSslMode::Disable);
        match PgConnection::connect_with(&options).await {
            Ok(connection) => connection.close().await.is_ok(),
            Err(_) => false,
        }
    }

    /// The running server, or the error that it did not `step`.
    async fn running(&self, step: &'static str) -> Result<MutexGuard<'_, Running>, Error> {
        let running = self.running.lock().await;
        if running.process.is_some() { Ok(running) } else { Err(failed(step)("it does not run")) }
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn sockets(&self) -> PathBuf {
        self.folder.clone()
    }

    fn log(&self) -> Result<File, Error> {
        OpenOptions::new().create(true).append(true).open(self.folder.join("log")).map_err(failed("keep a log"))
    }

    /// The last lines of the log.
    fn said(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        format!("it said\n{}", lines[lines.len().saturating_sub(10)..].join("\n"))
    }
}

impl Running {
    /// The id of the first process; 0, which no process has, when it has ended.
    fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    /// Asks after the first process, which is about to end.
    fn reap(&mut self) -> Result<(), Error> {
        self.process.take().map_or(Ok(()), |mut process| process.wait().map(drop).map_err(failed("end")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.watchdog.end();
        if let Some(mut process) = self.process.take() {
            // It has ended by now, unless somebody has killed the watchdog.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The folder of temporary files, or `/tmp` where that is too long for a socket's path or root's alone.
pub(super) fn base() -> PathBuf {
    let named = std::env::temp_dir();
    let fits = named.as_os_str().len() + BELOW <= SOCKET_PATH && !geteuid().is_root();
    if fits { named } else { PathBuf::from("/tmp") }
}

/// A file that is not there need not be removed.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
