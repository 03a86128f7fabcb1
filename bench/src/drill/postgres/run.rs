//! The whole drill: set-up, rounds, and what is there at the end.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use testkit::postgres::Server;
use testkit::proxy::Proxy;

use super::Fault;
use super::round::all_at_once;
use crate::Failure;
use crate::drill::held;
use crate::drill::judge::judge;
use crate::drill::{Broken, Call, Callers, Client, Operation, Random, Report, SETTINGS};
use crate::services::Services;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The faults, in order.
    pub faults: Vec<Fault>,
    /// What chance decides comes from it.
    pub seed: u64,
    /// How long the first success may take after a fault.
    pub bound: Duration,
}

/// Both services on one PostgreSQL behind one proxy, and their client.
pub struct Drill {
    /// The server.
    pub server: Server,
    /// The way to it.
    pub proxy: Proxy,
    /// The client.
    pub client: Client,
    databases: [String; 2],
    services: Services,
    _folder: TempDir,
}

impl Plan {
    /// Rounds of faults by chance.
    pub fn by_chance(rounds: usize, seed: u64, bound: Duration) -> Self {
        let mut random = Random::new(seed);
        Self { faults: (0..rounds).map(|_| random.one_of(&Fault::ALL)).collect(), seed, bound }
    }
}

impl Drill {
    /// Starts everything.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(program: &Path, server: Server, seed: u64) -> Result<Self, Failure> {
        let proxy = Proxy::to_socket(server.socket());
        let databases = [database(&server).await?, database(&server).await?];
        let [auth, blog] = databases.each_ref().map(|name| server.url_at(proxy.address(), name));
        let folder = tempfile::tempdir()?;
        let services =
            Services::on_postgres(program, folder.path(), [&auth, &blog], |command| command.envs(SETTINGS)).await?;
        let client = Client::register(&services, seed).await?;
        Ok(Self { server, proxy, client, databases, services, _folder: folder })
    }

    /// Runs the plan, and looks at the end whether everything is as it was said.
    ///
    /// # Errors
    /// When the drill itself cannot go on.
    pub async fn run(self, plan: &Plan) -> Result<Report, Failure> {
        let mut report = Report::default();
        let mut random = Random::new(plan.seed);
        let callers = Callers::mix(&self.client);
        let mut outages = Vec::new();
        for fault in &plan.faults {
            let (one, broken) = self.round(*fault, random.millis(100, 800)).await?;
            outages.push(one);
            report.broken.extend(broken);
        }
        callers.stop().await?;
        let failed = all_at_once(&self.client).await?;
        report.broken.extend(failed.into_iter().map(|seen| Broken::new("no connection stays wedged", seen)));
        let calls = self.client.history.calls().clone();
        report.broken.extend(calls.iter().filter(|call| !is_allowed(call)).map(|call| {
            let seen = format!("{:?}: {}, {}", call.operation, call.answer, call.answer.message);
            Broken::new("a database that is away is UNAVAILABLE or DEADLINE_EXCEEDED", seen)
        }));
        judge(&mut report, &calls, &outages, &Operation::ALL, plan.bound);
        self.end(&mut report).await?;
        Ok(report)
    }

    /// What the server and the databases hold.
    async fn end(self, report: &mut Report) -> Result<(), Failure> {
        for name in &self.databases {
            let left = self.server.transactions(name).await?;
            report.broken.extend(
                left.into_iter().map(|seen| Broken::new("no transaction is left open when nobody calls", seen)),
            );
        }
        held::writes(report, &self.client).await?;
        self.services.stop()
    }
}

/// A new database's name.
pub(in crate::drill) async fn database(server: &Server) -> Result<String, Failure> {
    let url = server.create_database().await?;
    let name = url.split('?').next().and_then(|before| before.rsplit('/').next());
    Ok(name.ok_or("a URL without a database")?.to_owned())
}

fn is_allowed(call: &Call) -> bool {
    call.answer.is_honest() && call.answer.reason != "STORE_FULL"
}
