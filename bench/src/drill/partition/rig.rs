//! Processes of the drill, each in a namespace: one auth service or two on one PostgreSQL, and guarded services.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use gatepost::Token;
use tempfile::TempDir;
use testkit::postgres::PostgresServer;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::transport::Channel;

use super::PartitionFault;
use super::forwarder::forward;
use super::network::{Network, Node};
use super::outage::PartitionOutage;
use super::steady::{SteadyCaller, SteadyCalls, SteadyMethod};
use crate::Failure;
use crate::drill::revocation::{
    CheckPlace, CheckedFault, Checker, FaultTarget, RevocableSession, RevocationHistory, RevocationPlan, SERVICE_KEY,
    TokenCaller, register, run_faults, write,
};
use crate::drill::{DRILL_SETTINGS, Random};
use crate::process::{Process, Setup};

const AUTH_PORT: u16 = 50051;
const BLOG_PORT: u16 = 50052;
const DATABASE_PORT: u16 = 5432;

/// Number of guarded services.
const GUARD_COUNT: usize = 2;

/// Good tokens that are used at each guard.
const GOOD_TOKENS: usize = 3;

/// Time limit until each client succeeds after a heal, and the interval between checks.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(20);
const SETTLE_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Time before a fault for which the clients with good tokens call.
const TIME_BEFORE_FAULT: Duration = Duration::from_millis(500);

/// All processes, and the network between them. Dropping the value ends and removes all of it.
pub(super) struct PartitionRig {
    guards: Vec<PartitionedGuard>,
    good: Vec<Token>,
    /// Time for which calls are watched after a heal.
    watch: Duration,
    outages: Vec<PartitionOutage>,
    _auth: Vec<Process>,
    _forwarder: Option<JoinSet<()>>,
    _server: Option<PostgresServer>,
    _folder: TempDir,
    network: Network,
}

struct PartitionedGuard {
    _process: Process,
    address: SocketAddr,
    post: String,
    /// Set if posts may be read without a token.
    has_public_reads: bool,
}

impl PartitionRig {
    /// Starts one auth service on an SQLite file, or two on a PostgreSQL server, and the guards.
    ///
    /// # Errors
    /// Fails if a namespace cannot be made, or a process does not start.
    pub(super) async fn start(
        program: &Path,
        server: Option<PostgresServer>,
        watch: Duration,
    ) -> Result<Self, Failure> {
        let (network, folder) = (Network::create()?, tempfile::tempdir()?);
        let (mut auth, mut forwarder, mut urls) = (Vec::new(), None, Vec::new());
        let file = format!("sqlite:{}", folder.path().join("auth.db").display());
        let database = match &server {
            None => file,
            Some(server) => {
                let url = server.create_database().await?;
                let name = url.split('?').next().and_then(|url| url.rsplit('/').next()).ok_or("no name")?;
                let address = at(Node::Database, DATABASE_PORT);
                forwarder = Some(forward(network.namespace(Node::Database), address, server.socket())?);
                server.url_at(address, name)
            }
        };
        let nodes = if server.is_some() { &[Node::Auth, Node::Replica][..] } else { &[Node::Auth] };
        for node in nodes {
            let address = at(*node, AUTH_PORT);
            let setup = auth_setup(program, &folder, *node, &database);
            auth.push(network.namespace(*node).inside(|| started(setup, address))??);
            urls.push(format!("http://{address}"));
        }
        let channel = network.channel(at(Node::Auth, AUTH_PORT)).await?;
        let mut good = Vec::new();
        for number in 0..GOOD_TOKENS {
            good.push(register(&channel, &format!("good-{number}@example.com")).await?.token);
        }
        let mut guards = Vec::new();
        for (node, has_public_reads) in [(Node::FirstGuard, false), (Node::SecondGuard, true)] {
            let address = at(node, BLOG_PORT);
            let setup = blog_setup(program, &folder, node, &urls.join(","), has_public_reads);
            let process = network.namespace(node).inside(|| started(setup, address))??;
            let post = write(network.channel(address).await?, good.first().ok_or("no token")?).await?;
            guards.push(PartitionedGuard { _process: process, address, post, has_public_reads });
        }
        Ok(Self {
            guards,
            good,
            watch,
            outages: Vec::new(),
            _auth: auth,
            _forwarder: forwarder,
            _server: server,
            _folder: folder,
            network,
        })
    }

    /// Runs the plan, and returns the results of each fault.
    ///
    /// # Errors
    /// Fails if the drill itself cannot continue, such as when a guard does not recover from a fault.
    pub(super) async fn run(
        &mut self,
        plan: &RevocationPlan<PartitionFault>,
    ) -> Result<Vec<CheckedFault<PartitionFault>>, Failure> {
        run_faults(self, plan, None).await
    }

    /// Returns the outages of all faults until now.
    pub(super) fn outages(self) -> Vec<PartitionOutage> {
        self.outages
    }

    /// Starts clients with good tokens and clients without a token, each with a connection of its own.
    async fn steady_callers(&self, calls: &SteadyCalls) -> Result<JoinSet<()>, Failure> {
        let mut callers = JoinSet::new();
        for PartitionedGuard { address, post, has_public_reads, .. } in &self.guards {
            let guarded = |token: &Token| SteadyMethod::Guarded { token: token.clone(), post: post.clone() };
            let mut methods: Vec<_> = self.good.iter().map(guarded).collect();
            methods.push(SteadyMethod::Health);
            methods.extend(has_public_reads.then(|| SteadyMethod::PublicRead { post: post.clone() }));
            for method in methods {
                let (number, blog) = (callers.len(), self.network.channel(*address).await?);
                callers.spawn(SteadyCaller { number, blog, method, calls: calls.clone() }.call_periodically());
            }
        }
        Ok(callers)
    }
}

impl FaultTarget for PartitionRig {
    type Fault = PartitionFault;

    async fn auth(&self) -> Result<Channel, Failure> {
        self.network.channel(at(Node::Auth, AUTH_PORT)).await
    }

    async fn callers(
        &self,
        number: usize,
        session: &RevocableSession,
        history: &RevocationHistory,
    ) -> Result<Vec<TokenCaller>, Failure> {
        let mut callers = Vec::new();
        for (guard, PartitionedGuard { address, post, .. }) in self.guards.iter().enumerate() {
            let checker = Checker::Guard { blog: self.network.channel(*address).await?, post: post.clone() };
            let (history, token, place) = (history.clone(), session.token.clone(), CheckPlace::Guard(guard));
            callers.push(TokenCaller { history, session: number, place, token, checker });
        }
        Ok(callers)
    }

    fn guards(&self) -> usize {
        GUARD_COUNT
    }

    async fn suffer(&mut self, fault: PartitionFault, start: Instant, random: &mut Random) -> Result<(), Failure> {
        let calls = SteadyCalls::default();
        let mut steady = self.steady_callers(&calls).await?;
        sleep_until((start + fault.begins(random)).max(Instant::now() + TIME_BEFORE_FAULT)).await;
        let begun = Instant::now();
        let healed = fault.happen(&self.network, random).await?;
        sleep(self.watch).await;
        let settled = async {
            while !calls.all_succeed_since(healed, steady.len()) {
                sleep(SETTLE_POLL_INTERVAL).await;
            }
        };
        let is_settled = timeout(SETTLE_TIMEOUT, settled).await.is_ok();
        steady.shutdown().await;
        self.outages.push(PartitionOutage { fault, begun, healed, calls: calls.take() });
        if is_settled { Ok(()) } else { Err("a client has no success for 20 s after a heal".into()) }
    }
}

fn at(node: Node, port: u16) -> SocketAddr {
    SocketAddr::from((node.address(), port))
}

/// Starts a process. The failure is a text, since it comes from another thread.
fn started(setup: Setup, address: SocketAddr) -> Result<Process, String> {
    Process::start_at(setup, address).map_err(|failure| failure.to_string())
}

fn auth_setup(program: &Path, folder: &TempDir, node: Node, database: &str) -> Setup {
    let environment = DRILL_SETTINGS.into_iter().chain([("AUTH_SERVICE_KEY", SERVICE_KEY), ("AUTH_INSECURE", "true")]);
    Setup {
        program: program.to_owned(),
        command: "auth",
        arguments: vec!["--database-url".into(), database.into()],
        environment: environment.map(|(name, value)| (name, value.to_owned())).collect(),
        log: folder.path().join(format!("{node:?}.log")),
    }
}

fn blog_setup(program: &Path, folder: &TempDir, node: Node, urls: &str, has_public_reads: bool) -> Setup {
    let database = format!("sqlite:{}", folder.path().join(format!("{node:?}.db")).display());
    let mut environment = vec![("BLOG_SERVICE_KEY", SERVICE_KEY.to_owned()), ("BLOG_INSECURE", "true".to_owned())];
    if has_public_reads {
        environment.push(("BLOG_PUBLIC_READS", "true".to_owned()));
    }
    Setup {
        program: program.to_owned(),
        command: "blog",
        arguments: ["--database-url", &database, "--auth-url", urls].map(str::to_owned).into(),
        environment,
        log: folder.path().join(format!("{node:?}.log")),
    }
}
