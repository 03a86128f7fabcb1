//! The services of a soak as processes, and the faults that strike them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatepost::api::auth::v1::LoginRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use tempfile::TempDir;
use testkit::disk::Disk;
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::{SoakDatabase, SoakFault, SoakPlan};
use crate::Failure;
use crate::drill::postgres::database;
use crate::drill::{DRILL_SETTINGS, Random};
use crate::process::{Process, Setup};

/// The key that seals the signing keys: 32 random bytes in base64.
const MASTER_KEY: &str = "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM=";

/// The guard's service key.
const SERVICE_KEY: &str = "the-drills-own-key-of-guards-that-live-for-a-drill";

/// Time for which a new signing key is listed before it signs: the shortest that the service allows.
const KEY_LEAD: (&str, &str) = ("AUTH_SIGNING_KEY_LEAD", "10s");

/// The settings of [`DRILL_SETTINGS`] that a soak replaces: its keys are rotated, so that there are key pairs.
const REPLACED_SETTING: &str = "JWT_SECRET_KEY";

/// Number of clients of a flood, each with a connection of its own.
const FLOOD_CLIENTS: usize = 32;

/// Ids of the running processes by their names, and numbers of their lives.
#[derive(Clone, Debug, Default)]
pub(super) struct ProcessIds(Arc<Mutex<BTreeMap<String, ProcessLife>>>);

/// A running process.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessLife {
    pub(super) id: u32,
    /// Number of starts of the service before this one.
    pub(super) life: usize,
}

/// All processes, and the connections between them.
pub(super) struct SoakRig {
    pub(super) auth: Vec<Process>,
    pub(super) blog: Process,
    pub(super) ids: ProcessIds,
    /// Number of starts of the blog service: each has a guard of its own.
    pub(super) guards: Arc<AtomicUsize>,
    /// Connections of the guard to each auth service.
    guard_links: Vec<Proxy>,
    engine: RigDatabase,
    program: PathBuf,
    other_program: Option<PathBuf>,
    database_url: String,
    folder: TempDir,
}

enum RigDatabase {
    Sqlite {
        /// The disk is full while this file exists.
        full: PathBuf,
    },
    Postgres {
        server: PostgresServer,
        link: Proxy,
    },
}

impl SoakRig {
    /// Starts the services of the plan, whose database is known.
    pub(super) async fn start(program: &Path, plan: &SoakPlan) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let path = fs::canonicalize(folder.path())?;
        let full = path.join("full");
        let file = |name: &str| format!("sqlite:{}", path.join(format!("data-{name}.db")).display());
        let (engine, [auth_url, blog_url], replicas) = if plan.database == SoakDatabase::Postgres {
            let server = PostgresServer::start().await?;
            let link = Proxy::to_socket(server.socket());
            let names = [database(&server).await?, database(&server).await?];
            let urls = names.map(|name| server.url_at(link.address(), &name));
            (RigDatabase::Postgres { server, link }, urls, 2)
        } else {
            (RigDatabase::Sqlite { full: full.clone() }, ["auth", "blog"].map(file), 1)
        };
        let disk =
            matches!(engine, RigDatabase::Sqlite { .. }).then(|| Disk::for_path(path.join("data-")).full_while(&full));
        let mut auth = Vec::new();
        for replica in 1..=replicas {
            auth.push(Process::start_apart(setup(
                program,
                &path,
                &format!("auth-{replica}"),
                &auth_url,
                None,
                disk.as_ref(),
            ))?);
        }
        let guard_links: Vec<_> = auth.iter().map(|auth| Proxy::to_address(auth.address())).collect();
        let auth_urls =
            guard_links.iter().map(|link| format!("http://{}", link.address())).collect::<Vec<_>>().join(",");
        let blog = Process::start_apart(setup(program, &path, "blog", &blog_url, Some(&auth_urls), disk.as_ref()))?;
        let rig = Self {
            auth,
            blog,
            ids: ProcessIds::default(),
            guards: Arc::default(),
            guard_links,
            engine,
            program: program.to_owned(),
            other_program: plan.other_program.clone(),
            database_url: auth_url,
            folder,
        };
        for replica in 0..replicas {
            rig.ids.started(&auth_name(replica), &rig.auth[replica]);
        }
        rig.ids.started(BLOG_NAME, &rig.blog);
        Ok(rig)
    }

    /// Causes a fault, waits, and ends it.
    pub(super) async fn strike(&mut self, fault: SoakFault, random: &mut Random) -> Result<(), Failure> {
        match fault {
            SoakFault::KillAuth => {
                let replica = self.any_replica(random)?;
                self.auth[replica].kill()?;
                sleep(random.millis(0, 500)).await;
                self.auth[replica].start_again()?;
                self.ids.started(&auth_name(replica), &self.auth[replica]);
            }
            SoakFault::KillBlog => {
                self.blog.kill()?;
                sleep(random.millis(0, 500)).await;
                self.guards.fetch_add(1, Ordering::Relaxed);
                self.blog.start_again()?;
                self.ids.started(BLOG_NAME, &self.blog);
            }
            SoakFault::ReplaceAuth => {
                let replica = self.any_replica(random)?;
                let next = self.next_program(&self.auth[replica])?;
                self.auth[replica].replace(next)?;
                self.ids.started(&auth_name(replica), &self.auth[replica]);
            }
            SoakFault::ReplaceBlog => {
                let next = self.next_program(&self.blog)?;
                self.guards.fetch_add(1, Ordering::Relaxed);
                self.blog.replace(next)?;
                self.ids.started(BLOG_NAME, &self.blog);
            }
            SoakFault::PauseAuth | SoakFault::PauseBlog => {
                let replica = self.any_replica(random)?;
                let process = if fault == SoakFault::PauseBlog { &self.blog } else { &self.auth[replica] };
                process.pause().await?;
                sleep(random.millis(500, 5_000)).await;
                process.resume()?;
            }
            SoakFault::CutGuard | SoakFault::HoldGuard => {
                let change = if fault == SoakFault::CutGuard { Proxy::cut } else { Proxy::black_hole };
                self.guard_links.iter().for_each(change);
                sleep(random.millis(200, 3_000)).await;
                self.guard_links.iter().for_each(Proxy::pass);
            }
            SoakFault::LoginFlood => self.flood(random.millis(2_000, 5_000)).await?,
            SoakFault::RotateKey => self.rotate_key().await?,
            _ => self.strike_database(fault, random).await?,
        }
        Ok(())
    }

    async fn strike_database(&self, fault: SoakFault, random: &mut Random) -> Result<(), Failure> {
        match (fault, &self.engine) {
            (SoakFault::RestartPostgres | SoakFault::KillPostgres, RigDatabase::Postgres { server, .. }) => {
                if fault == SoakFault::KillPostgres {
                    server.kill().await?;
                } else {
                    server.stop_fast().await?;
                }
                sleep(random.millis(100, 800)).await;
                server.start_again().await?;
            }
            (SoakFault::PausePostgres, RigDatabase::Postgres { server, .. }) => {
                server.pause().await?;
                sleep(random.millis(500, 4_000)).await;
                server.resume().await?;
            }
            (SoakFault::CutPostgres, RigDatabase::Postgres { link, .. }) => {
                link.cut();
                sleep(random.millis(200, 3_000)).await;
                link.pass();
            }
            (SoakFault::FullDisk, RigDatabase::Sqlite { full }) => {
                fs::write(full, "")?;
                sleep(random.millis(1_000, 4_000)).await;
                fs::remove_file(full)?;
            }
            _ => return Err(format!("{} is not possible with this database", fault.name()).into()),
        }
        Ok(())
    }

    /// Logs in as unknown users for this long. Each login costs the service a hash or a refusal.
    async fn flood(&self, length: Duration) -> Result<(), Failure> {
        let (mut clients, end) = (JoinSet::new(), Instant::now() + length);
        for client in 0..FLOOD_CLIENTS {
            let channel = self.auth[client % self.auth.len()].channel().await?;
            clients.spawn(async move {
                while Instant::now() < end {
                    let email = format!("flood-{client}@example.com");
                    let request =
                        LoginRequest { email, password: "a wrong password".into(), ..LoginRequest::default() };
                    // Refusals are expected.
                    let _ = AuthServiceClient::new(channel.clone()).login(request).await;
                }
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended?;
        }
        Ok(())
    }

    async fn rotate_key(&self) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(["keys", "rotate"]).env_clear().env("AUTH_DATABASE_URL", &self.database_url);
        command.env("AUTH_MASTER_KEY", MASTER_KEY).env(KEY_LEAD.0, KEY_LEAD.1);
        let output = spawn_blocking(move || command.output()).await??;
        let text = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(format!("gatepost keys rotate: {text}").into()) }
    }

    /// Returns the program that replaces the one of a running service.
    fn next_program(&self, process: &Process) -> Result<PathBuf, Failure> {
        let other = self.other_program.as_ref().ok_or("there is no other program: --other-program names one")?;
        Ok(if process.program() == other { self.program.clone() } else { other.clone() })
    }

    fn any_replica(&self, random: &mut Random) -> Result<usize, Failure> {
        Ok(usize::try_from(random.number() % u64::try_from(self.auth.len())?)?)
    }

    /// Stops all services.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        self.blog.stop()?;
        self.auth.iter_mut().try_for_each(Process::stop)
    }

    /// Returns the last lines of the services' logs.
    pub(super) fn log_text(&self) -> String {
        let mut text = Vec::new();
        for name in self.ids.names() {
            let log = fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            text.extend(lines[lines.len().saturating_sub(5)..].iter().map(|line| format!("{name}: {line}")));
        }
        text.join("\n")
    }
}

const BLOG_NAME: &str = "blog";

fn auth_name(replica: usize) -> String {
    format!("auth-{}", replica + 1)
}

fn setup(
    program: &Path,
    folder: &Path,
    name: &str,
    database: &str,
    auth_urls: Option<&str>,
    disk: Option<&Disk>,
) -> Setup {
    let mut arguments = vec!["--database-url".to_owned(), database.to_owned()];
    let drill = DRILL_SETTINGS.into_iter().filter(|(name, _)| *name != REPLACED_SETTING);
    let own = [("AUTH_SERVICE_KEY", SERVICE_KEY), ("AUTH_MASTER_KEY", MASTER_KEY), KEY_LEAD];
    let blog = [("BLOG_SERVICE_KEY", SERVICE_KEY), ("BLOG_PUBLIC_READS", "true")];
    let mut environment: Vec<_> = drill.chain(own).chain(blog).map(|(name, value)| (name, value.to_owned())).collect();
    if let Some(urls) = auth_urls {
        arguments.extend(["--auth-url".to_owned(), urls.to_owned()]);
    }
    environment.extend(disk.into_iter().flat_map(Disk::environment));
    let command = if auth_urls.is_some() { "blog" } else { "auth" };
    Setup { program: program.to_owned(), command, arguments, environment, log: folder.join(format!("{name}.log")) }
}

impl ProcessIds {
    fn started(&self, name: &str, process: &Process) {
        let Ok(id) = process.id() else { return };
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let life = ids.get(name).map_or(0, |before: &ProcessLife| before.life + 1);
        ids.insert(name.to_owned(), ProcessLife { id, life });
    }

    /// Returns the latest process of each service.
    pub(super) fn all(&self) -> BTreeMap<String, ProcessLife> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn names(&self) -> Vec<String> {
        self.all().into_keys().collect()
    }
}
